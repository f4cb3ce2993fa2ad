package kube

import (
	"fmt"
	"regexp"
	"strconv"
)

// The minor versions of Kubernetes 1 that this package knows.
const (
	oldestMinor = 5
	newestMinor = 36
)

// Version is a release of Kubernetes, or of another component ([ParseComponentVersion]).
type Version struct{ Major, Minor, Patch int }

var versionPattern = regexp.MustCompile(`^v?([0-9]{1,4})\.([0-9]{1,4})(?:\.([0-9]{1,4}))?$`)

// ParseVersion reads the version of a release of Kubernetes, written "1.34.4", "v1.34.4" or "1.34". Pre-releases have
// no flags that can be relied on, and are errors.
func ParseVersion(s string) (Version, error) {
	v, err := parseVersion(s)
	if err != nil {
		return Version{}, err
	}
	if v.Major != 1 || v.Minor < oldestMinor || v.Minor > newestMinor {
		return Version{}, fmt.Errorf("version %s of Kubernetes is not known: use 1.%d to 1.%d", v, oldestMinor, newestMinor)
	}
	return v, nil
}

func parseVersion(s string) (Version, error) {
	m := versionPattern.FindStringSubmatch(s)
	if m == nil {
		return Version{}, fmt.Errorf("%q is not a version: write it like 1.34.4", s)
	}
	var numbers [3]int
	for i := range numbers {
		if m[i+1] != "" {
			numbers[i], _ = strconv.Atoi(m[i+1]) // at most four digits
		}
	}
	return Version{Major: numbers[0], Minor: numbers[1], Patch: numbers[2]}, nil
}

// String gives the version without a "v": "1.34.4".
func (v Version) String() string {
	return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
}

// MarshalText gives the version as String does.
func (v Version) MarshalText() ([]byte, error) {
	return []byte(v.String()), nil
}

// UnmarshalText reads a version as ParseVersion does.
func (v *Version) UnmarshalText(text []byte) error {
	parsed, err := ParseVersion(string(text))
	if err != nil {
		return err
	}
	*v = parsed
	return nil
}

// AtLeast says whether the version is of the minor version, written "1.24", or a later one. It is for constants: it
// panics on what is not a version.
func (v Version) AtLeast(minor string) bool {
	m, err := parseVersion(minor)
	if err != nil {
		panic(err)
	}
	if v.Major != m.Major {
		return v.Major > m.Major
	}
	if v.Minor != m.Minor {
		return v.Minor > m.Minor
	}
	return v.Patch >= m.Patch
}

// in says whether the version is since one minor version and before another; "" is no bound.
func (v Version) in(since, until string) bool {
	return (since == "" || v.AtLeast(since)) && (until == "" || !v.AtLeast(until))
}
