package base

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Progress hears how far a build is. Calls come one at a time, though not always from the same goroutine.
type Progress interface {
	// Stage tells what is being done, and how much of the whole is behind it, from 0 to 1. The fraction never falls
	// within one build.
	Stage(what string, done float64)
}

type silent struct{}

func (silent) Stage(string, float64) {}

// The share of a whole build that is behind each step, from builds of small bases on tmpfs and on disks.
const (
	doneUpdate     = 0.01
	doneDownload   = 0.05
	doneEssential  = 0.10
	doneRemaining  = 0.25
	doneInstalled  = 0.70
	doneTar        = 0.75
	doneTree       = 0.80
	doneInitrd     = 0.82
	doneContainers = 0.85
	doneImage      = 0.88
)

// bootstrapSteps are what mmdebstrap announces, and how that reads to somebody who waits.
func bootstrapSteps() map[string]step {
	return map[string]step{
		"running apt-get update...":                          {"reading package lists", doneUpdate},
		"downloading packages with apt...":                   {"downloading essential packages", doneDownload},
		"installing essential packages...":                   {"installing essential packages", doneEssential},
		"installing remaining packages inside the chroot...": {"downloading packages", doneRemaining},
		"creating tarball...":                                {"packing the root filesystem", doneInstalled},
	}
}

type step struct {
	what string
	done float64
}

// bootstrapLog follows what mmdebstrap, apt and dpkg print and turns it into progress.
type bootstrapLog struct {
	progress Progress
	partial  []byte
	// total is how many packages the current run of apt installs, ready how many of them are set up.
	total, ready int
	remaining    bool
}

var newlyInstalled = regexp.MustCompile(`^(\d+) upgraded, (\d+) newly installed`)

func (l *bootstrapLog) Write(p []byte) (int, error) {
	l.partial = append(l.partial, p...)
	for {
		line, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		l.line(string(line))
		l.partial = rest
	}
}

func (l *bootstrapLog) line(s string) {
	if s, ok := bootstrapSteps()[strings.TrimPrefix(s, "I: ")]; ok {
		l.remaining = s.done == doneRemaining
		l.progress.Stage(s.what, s.done)
		return
	}
	if !l.remaining {
		return
	}
	if m := newlyInstalled.FindStringSubmatch(s); m != nil {
		l.total, _ = strconv.Atoi(m[2])
		return
	}
	if name, ok := strings.CutPrefix(s, "Setting up "); ok && l.total > 0 {
		l.ready = min(l.ready+1, l.total)
		name, _, _ = strings.Cut(name, " ")
		l.progress.Stage(fmt.Sprintf("installing %s", name),
			doneRemaining+(doneInstalled-doneRemaining)*float64(l.ready)/float64(l.total))
	}
}
