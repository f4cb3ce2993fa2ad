package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Result is what became of a machine since it was last switched on.
type Result struct {
	Machine string
	// Since is when it was switched on.
	Since time.Time
	// Healthy says that the machine has reported itself so, and runs without having panicked since.
	Healthy bool
	// Text is what the machine said to be healthy, or why it is not.
	Text string
	// Elapsed is the time from power-on to the health mark, to the failure, or until the result was asked for.
	Elapsed time.Duration
	// Failures are what the machine has reported to have failed, healthy or not, in that order.
	Failures []Failure
	// Forwards are the addresses on the host of the machine's ports, by name: "127.0.0.1:40022".
	Forwards map[string]string
	// ConsoleTail holds the last lines of the console, cleaned of control sequences.
	ConsoleTail []string
}

// Failure is one line "nodekiln: failed: TEXT" of a machine's console.
type Failure struct {
	Text string
	// Elapsed is the time since power-on.
	Elapsed time.Duration
}

// status is what is known of one life of a machine.
type status struct {
	since time.Time
	// healthy says that the health mark has come, with healthyText.
	healthy     bool
	healthyText string
	healthyAt   time.Duration
	// dead is why it will not become healthy any more, empty while it may.
	dead     string
	deadAt   time.Duration
	failures []Failure
	tail     lastLines
}

// keptFailures bounds what a machine that reports without end can fill.
const keptFailures = 100

// markPattern finds what a machine says of itself, alone on its line, or behind the stamp of the kernel's or the
// journal's log or a prompt for a login.
var markPattern = regexp.MustCompile(`(?:^|[\]:>] ?)nodekiln: (healthy|failed):(?: (.*))?$`)

// deathPattern finds what is said by what a machine does not recover from: the kernel's panic, the emergency shells of
// systemd and dracut, that of initramfs-tools, GRUB's, and what OVMF ends in when no disk boots.
var deathPattern = regexp.MustCompile(`Kernel panic - not syncing|(?i:emergency mode)|Dropping to a shell!|^Entering rescue mode|` +
	`^UEFI Interactive Shell|^BdsDxe: No bootable option`)

// heard takes a line of a machine's console.
func (l *Lab) heard(g *guest, s *status, line string) {
	at := l.opts.Now().Sub(s.since)
	l.update(func() { s.read(line, at) })
	l.console.line(g.Name, line)
}

func (s *status) read(line string, at time.Duration) {
	s.tail.add(line)
	mark := markPattern.FindStringSubmatch(line)
	switch {
	case mark != nil && mark[1] == "healthy" && !s.healthy:
		s.healthy, s.healthyText, s.healthyAt = true, mark[2], at
	case mark != nil && mark[1] == "failed" && len(s.failures) < keptFailures:
		s.failures = append(s.failures, Failure{Text: mark[2], Elapsed: at})
	case mark == nil && s.dead == "" && deathPattern.MatchString(line):
		s.dead, s.deadAt = strings.TrimSpace(line), at
	}
}

// ended notes that a machine is off, and why if that is not its own doing.
func (l *Lab) ended(s *status, why error) {
	at := l.opts.Now().Sub(s.since)
	l.update(func() {
		if s.dead != "" {
			return
		}
		s.dead, s.deadAt = "it has switched itself off", at
		if why != nil {
			s.dead = why.Error()
		}
	})
}

// update changes machines, or the status of one, and wakes who waits for that. It tells whether the lab is still open;
// changes to it go on being seen after that.
func (l *Lab) update(change func()) (open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	close(l.changed)
	l.changed = make(chan struct{})
	return !l.closed
}

func (l *Lab) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// WaitHealthy waits until the machines of these names, without names all, have reported themselves healthy. It gives up
// when one of them is found dead (its QEMU has ended, its kernel has panicked, it asks for help in an emergency shell),
// and when the context ends, whose cause is then what is said of the machines that were still waited for. The results are
// complete in each case, in the order of the lab; the error names those that are not healthy.
func (l *Lab) WaitHealthy(ctx context.Context, names ...string) ([]Result, error) {
	for {
		guests, err := l.pick(names...)
		if err != nil {
			return nil, err
		}
		changed, dead, healthy := l.look(guests)
		switch {
		case dead:
			return l.results(guests, errors.New("not healthy when another machine had failed"))
		case healthy:
			return l.results(guests, nil)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return l.results(guests, context.Cause(ctx))
		}
	}
}

// look tells whether one of the machines is dead, or all are healthy, and what is closed when that may have changed.
func (l *Lab) look(guests []*guest) (changed <-chan struct{}, dead, healthy bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	healthy = true
	for _, g := range guests {
		dead = dead || g.status.dead != ""
		healthy = healthy && g.status.healthy
	}
	return l.changed, dead, healthy
}

// results gives the result of each machine; pending is why those that are neither healthy nor dead are not waited for.
func (l *Lab) results(guests []*guest, pending error) ([]Result, error) {
	now := l.opts.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	var results []Result
	var errs []error
	for _, g := range guests {
		r, err := g.status.result(now.Sub(g.status.since), pending)
		r.Machine, r.Forwards = g.Name, maps.Clone(g.addresses)
		if err != nil {
			errs = append(errs, fmt.Errorf("machine %s: %w", g.Name, err))
		}
		results = append(results, r)
	}
	return results, errors.Join(errs...)
}

func (s *status) result(now time.Duration, pending error) (r Result, err error) {
	r = Result{Since: s.since, Failures: slices.Clone(s.failures), ConsoleTail: slices.Clone(s.tail)}
	switch {
	case s.dead != "":
		r.Elapsed, err = s.deadAt, errors.New(s.dead)
	case s.healthy:
		r.Healthy, r.Text, r.Elapsed = true, s.healthyText, s.healthyAt
	default:
		r.Elapsed, err = now, pending
	}
	if err != nil {
		r.Text = err.Error()
	}
	return r, err
}
