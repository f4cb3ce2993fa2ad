package cluster

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	day = 24 * time.Hour
	// maxLifetime keeps what is signed before the year 9999, where the dates of RFC 5280 (4.1.2.5) end, and within
	// time.Duration.
	maxLifetime = 36500 * day
)

var daysPattern = regexp.MustCompile(`^([0-9]{1,6})d(.*)$`)

// parseLifetime reads a duration of Go (8760h), which may begin with days of 24 hours (365d, 1d12h). It is positive.
func parseLifetime(text string) (time.Duration, error) {
	var total time.Duration
	rest := text
	if m := daysPattern.FindStringSubmatch(text); m != nil {
		days, err := strconv.Atoi(m[1])
		if err != nil || days > int(maxLifetime/day) {
			return 0, fmt.Errorf("%s is longer than %d days", quote(text), maxLifetime/day)
		}
		total, rest = time.Duration(days)*day, m[2]
	}
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil {
			return 0, fmt.Errorf("%s is no duration; write it in hours or days, as in 8760h or 365d", quote(text))
		}
		if total = total + min(d, maxLifetime+1); d < 0 {
			return 0, fmt.Errorf("%s is negative", quote(text))
		}
	}
	switch {
	case total <= 0:
		return 0, fmt.Errorf("%s is no time at all", quote(text))
	case total > maxLifetime:
		return 0, fmt.Errorf("%s is longer than %d days", quote(text), maxLifetime/day)
	case total%time.Second != 0:
		return 0, fmt.Errorf("%s is not in whole seconds, which certificates count in", quote(text))
	}
	return total, nil
}

const (
	kibi = 1 << 10
	mebi = 1 << 20
	gibi = 1 << 30
	tebi = 1 << 40
)

var sizePattern = regexp.MustCompile(`^([1-9][0-9]{0,18})([KMGT])(i|iB)?$`)

// parseSize reads a size in binary units: 20G, 20Gi and 20GiB are 20·2³⁰ bytes. It is whole MiB, as disks are aligned
// and memory is added.
func parseSize(text string) (int64, error) {
	m := sizePattern.FindStringSubmatch(text)
	if m == nil {
		if number, ok := strings.CutSuffix(text, "B"); ok && sizePattern.MatchString(number) {
			return 0, fmt.Errorf("%s: sizes are in binary units; write %s", quote(text), number)
		}
		return 0, fmt.Errorf("%s is no size; write a whole number and K, M, G or T, as in 20G", quote(text))
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is no size: the number is too large", quote(text))
	}
	unit := map[string]int64{"K": kibi, "M": mebi, "G": gibi, "T": tebi}[m[2]]
	if n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%s is no size: the number is too large", quote(text))
	}
	if n*unit%mebi != 0 {
		return 0, fmt.Errorf("%s is not whole MiB", quote(text))
	}
	return n * unit, nil
}

// formatSize writes whole MiB in the largest unit that leaves a whole number.
func formatSize(bytes int64) string {
	switch {
	case bytes%tebi == 0:
		return strconv.FormatInt(bytes/tebi, 10) + "T"
	case bytes%gibi == 0:
		return strconv.FormatInt(bytes/gibi, 10) + "G"
	}
	return strconv.FormatInt(bytes/mebi, 10) + "M"
}

// modeDigits are octal digits with what marks them as octal in YAML 1.1 (0644) or 1.2 (0o644).
var modeDigits = regexp.MustCompile(`^0o?([0-7]{1,7})$`)

// parseMode reads permission bits in octal.
func parseMode(text string) (uint32, error) {
	m := modeDigits.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("%s is no mode; write it in octal with a leading 0, as in 0644", quote(text))
	}
	mode, err := strconv.ParseUint(m[1], 8, 32)
	if err != nil {
		return 0, fmt.Errorf("%s is no mode: %w", quote(text), err)
	}
	if mode&^0o7777 != 0 {
		return 0, fmt.Errorf("%s has more bits than a mode", quote(text))
	}
	if mode&^0o777 != 0 {
		return 0, errors.New("setuid, setgid and sticky bits are not given to files from the cluster file")
	}
	return uint32(mode), nil
}
