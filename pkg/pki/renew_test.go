package pki

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// renew renews the bundle of lab for n machines.
func renew(t *testing.T, dir string, n int, o RenewOptions, at time.Time) []Renewed {
	t.Helper()
	renewed, err := Renew(t.Context(), dir, lab(machines(n)), machines(n), o, WithClock(func() time.Time { return at }))
	if err != nil {
		t.Fatal(err)
	}
	return renewed
}

// names tells what was renewed, and of the rest why it was not.
func names(renewed []Renewed) []string {
	out := []string{}
	for _, r := range renewed {
		out = append(out, strings.TrimSuffix(fmt.Sprintf("%s/%s/%s %s", r.Kind, r.Holder, r.Name, r.Obstacle), " "))
	}
	return out
}

func TestRenewWhatIsDue(t *testing.T) {
	const operator, node1, node2, ca = "operator//etcd-client", "machine/node1/etcd", "machine/node2/etcd", "authority//etcd"
	day := 24 * time.Hour
	for _, test := range []struct {
		name    string
		options RenewOptions
		after   time.Duration
		want    []string
	}{
		{"nothing yet", RenewOptions{Within: 30 * day}, 330 * day, nil},
		{"a month before", RenewOptions{Within: 30 * day}, 336 * day, []string{operator, node1, node2}},
		{"only expired ones", RenewOptions{}, 364 * day, nil},
		{"expired", RenewOptions{}, 366 * day, []string{operator, node1, node2}},
		{"all", RenewOptions{All: true}, 0, []string{operator, node1, node2}},
		{"all and authorities", RenewOptions{All: true, Authorities: true}, 0, []string{ca, operator, node1, node2}},
		{"one machine", RenewOptions{Within: 30 * day, Machines: []string{"node2"}}, 340 * day, []string{node2}},
		{"authority that ends", RenewOptions{Within: 30 * day}, 3640 * day, []string{
			ca + " authorities are renewed by --authorities alone", operator, node1, node2,
		}},
		{"authority that has ended", RenewOptions{}, 3660 * day, []string{
			ca + " authorities are renewed by --authorities alone",
			operator + " its authority etcd ends at 2036-02-27 12:00:00 UTC: renew that first",
			node1 + " its authority etcd ends at 2036-02-27 12:00:00 UTC: renew that first",
			node2 + " its authority etcd ends at 2036-02-27 12:00:00 UTC: renew that first",
		}},
		{"authority that has ended, too", RenewOptions{Authorities: true}, 3660 * day, []string{ca, operator, node1, node2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, dir := newLab(t, 2)
			at := issuedAt.Add(test.after).Truncate(time.Second)
			before := snapshot(t, dir)
			dry := test.options
			dry.DryRun = true
			foreseen := renew(t, dir, 2, dry, at)
			if !maps.Equal(before, snapshot(t, dir)) {
				t.Error("a dry run has written")
			}
			renewed := renew(t, dir, 2, test.options, at)
			if got := names(renewed); !slices.Equal(got, test.want) || !slices.Equal(names(foreseen), test.want) {
				t.Errorf("renewed are\n%q, foreseen\n%q, want\n%q", got, names(foreseen), test.want)
			}
			wantRenewed(t, dir, before, renewed)
			if test.name != "authority that has ended" && test.after > 0 && len(test.want) > 1 {
				if _, err := Ensure(t.Context(), dir, lab(machines(2)), machines(2), WithClock(func() time.Time { return at })); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// wantRenewed holds the files of a bundle against what Renew said and what was there before.
func wantRenewed(t *testing.T, dir string, before map[string]string, renewed []Renewed) {
	t.Helper()
	after := snapshot(t, dir)
	content := func(s string) string { return s[strings.LastIndexByte(s, ' ')+1:] }
	replaced := map[string]bool{}
	for _, r := range renewed {
		path := certificateFiles(r.Holder, r.Name).cert
		if r.Kind == KindAuthority {
			path = authorityFiles(r.Name).cert
		}
		if r.Obstacle != "" {
			continue
		}
		replaced[path] = true
		if after[path] == before[path] || content(after[r.Previous]) != content(before[path]) || !strings.HasPrefix(after[path], "-rw-r--r--") {
			t.Errorf("%s: not replaced, or not kept as %s", path, r.Previous)
		}
		if !r.NewEnd.After(r.OldEnd) && !r.NewEnd.Equal(r.OldEnd) {
			t.Errorf("%s: ended at %v, and now at %v", path, r.OldEnd, r.NewEnd)
		}
	}
	for path, was := range before {
		if !strings.HasPrefix(was, "d") && !replaced[path] && after[path] != was {
			t.Errorf("%s has changed", path)
		}
	}
	if _, err := Open(dir); err != nil {
		t.Error(err)
	}
}

// TestRenewWhatLacks is a cluster file that has changed.
func TestRenewWhatLacks(t *testing.T) {
	_, dir := newLab(t, 2)
	p := lab(machines(2))
	p.Certificates[1].Addresses = append(p.Certificates[1].Addresses, netip.MustParseAddr("10.9.9.9"))
	if _, err := Ensure(t.Context(), dir, p, machines(2), WithClock(clock)); err == nil || !strings.Contains(err.Error(), "certs renew") {
		t.Errorf("the error is %v", err)
	}
	before := snapshot(t, dir)
	renewed, err := Renew(t.Context(), dir, p, machines(2), RenewOptions{}, WithClock(clock))
	if err != nil || !slices.Equal(names(renewed), []string{"machine/node1/etcd"}) || !slices.Equal(renewed[0].Lacking, []string{"the address 10.9.9.9"}) {
		t.Fatalf("renewed are %v: %v", renewed, err)
	}
	wantRenewed(t, dir, before, renewed)
	ensure(t, dir, p, machines(2))
	// The subject of an authority stays when the plan's changes, for those that trust it look for it.
	p.Subject.Organization = "other"
	renewed, err = Renew(t.Context(), dir, p, machines(2), renewAll, WithClock(clock))
	if err != nil || len(renewed) != 4 {
		t.Fatalf("renewed are %v: %v", renewed, err)
	}
	b := ensure(t, dir, p, machines(2))
	if o := b.authorities["etcd"].cert.Subject.Organization; !slices.Equal(o, []string{"k8s"}) {
		t.Errorf("the authority's organization is %q", o)
	}
}

// TestOldCertificatesStayValid has machines with the old certificates meet those with the new ones.
func TestOldCertificatesStayValid(t *testing.T) {
	openssl := outside(t, "openssl")
	old, dir := newLab(t, 1)
	renew(t, dir, 1, renewAll, later().Truncate(time.Second))
	renewed, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	at := strconv.FormatInt(later().Unix(), 10)
	for name, trusted := range map[string]*Bundle{"old": old, "new": renewed} {
		for shownName, shown := range map[string]*Bundle{"old": old, "new": renewed} {
			ca, leaf := filepath.Join(t.TempDir(), "ca.pem"), filepath.Join(t.TempDir(), "leaf.pem")
			for file, content := range map[string][]byte{ca: trusted.authorities["etcd"].certPEM, leaf: shown.holders["node1"].certs["etcd"].certPEM} {
				if err := os.WriteFile(file, content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			t.Run(name+" authority, "+shownName+" certificate", func(t *testing.T) {
				openssl("verify", "-x509_strict", "-purpose", "sslserver", "-attime", at, "-CAfile", ca, leaf)
			})
		}
	}
	oldKey, newKey := old.holders["node1"].certs["etcd"].key, renewed.holders["node1"].certs["etcd"].key
	if !bytes.Equal(oldKey.Reveal(), newKey.Reveal()) || bytes.Equal(old.authorities["etcd"].certPEM, renewed.authorities["etcd"].certPEM) {
		t.Error("a key is another, or the authority's certificate the same")
	}
	if !bytes.Equal(old.authorities["etcd"].request, renewed.authorities["etcd"].request) {
		t.Error("the authority's request has changed")
	}
}

func TestKilledWhileRenewing(t *testing.T) {
	for killAt := 1; ; killAt++ {
		_, dir := newLab(t, 2)
		before := snapshot(t, dir)
		cmd := helper{dir: dir, killAt: killAt, machines: 2, renew: true}.command(t)
		if err := cmd.Run(); err == nil {
			if killAt != 9 { // four copies and four certificates, and then no more
				t.Errorf("%d files got their names", killAt-1)
			}
			break
		}
		if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGKILL {
			t.Fatalf("killed at file %d, the process ended by: %v", killAt, status)
		}
		if _, err := Open(dir); err != nil {
			t.Errorf("killed at file %d, the bundle cannot be opened: %v", killAt, err)
		}
		if _, err := Ensure(t.Context(), dir, lab(machines(2)), machines(2), WithClock(later)); err != nil {
			t.Errorf("killed at file %d, the bundle is refused: %v", killAt, err)
		}
		renew(t, dir, 2, renewAll, later())
		after := snapshot(t, dir)
		for path, was := range before {
			if strings.HasSuffix(path, "-key.pem") && after[path] != was {
				t.Errorf("killed at file %d, %s has changed", killAt, path)
			}
		}
		// Each certificate that there was is there still.
		var kept []string
		for path, s := range after {
			if strings.HasPrefix(path, previousDir) {
				kept = append(kept, s[strings.LastIndexByte(s, ' ')+1:])
			}
		}
		for path, was := range before {
			if filepath.Ext(path) == ".pem" && !strings.HasSuffix(path, "-key.pem") && !slices.Contains(kept, was[strings.LastIndexByte(was, ' ')+1:]) {
				t.Errorf("killed at file %d, %s is lost", killAt, path)
			}
		}
		if _, ok := after[stagingDir]; ok {
			t.Errorf("killed at file %d, %s stays", killAt, stagingDir)
		}
		if _, err := Open(dir); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenWhileRenewing(t *testing.T) {
	_, dir := newLab(t, 4)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				if _, err := Renew(t.Context(), dir, lab(machines(4)), machines(4), renewAll, WithClock(clock)); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range 20 {
				if _, err := Open(dir); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func TestRenewRefuses(t *testing.T) {
	_, dir := newLab(t, 1)
	if _, err := Renew(t.Context(), filepath.Join(t.TempDir(), "none.pki"), lab(nil), nil, renewAll); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("renewing what is not there gave: %v", err)
	}
	o := RenewOptions{All: true, Machines: []string{"ghost"}}
	if _, err := Renew(t.Context(), dir, lab(machines(1)), machines(1), o); err == nil || !strings.Contains(err.Error(), "there is no machine ghost") {
		t.Errorf("renewing of a machine that is not there gave: %v", err)
	}
	early := func() time.Time { return issuedAt.Add(-backdate - time.Hour) }
	if _, err := Renew(t.Context(), dir, lab(machines(1)), machines(1), renewAll, WithClock(early)); err == nil || !strings.Contains(err.Error(), "set the clock") {
		t.Errorf("renewing by a clock that is wrong gave: %v", err)
	}
	// What is missing is left to Ensure.
	before := snapshot(t, dir)
	if renewed := renew(t, dir, 2, RenewOptions{}, issuedAt); len(renewed) != 0 {
		t.Errorf("renewed are %v", names(renewed))
	}
	if !maps.Equal(before, snapshot(t, dir)) {
		t.Error("without anything to renew, the bundle was written to")
	}
	if err := os.Chmod(filepath.Join(dir, "machines/node1/etcd-key.pem"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Renew(t.Context(), dir, lab(machines(1)), machines(1), renewAll, WithClock(clock)); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("renewing with a key that others can read gave: %v", err)
	}
}

func TestWriteRenewed(t *testing.T) {
	_, dir := newLab(t, 1)
	renewed := renew(t, dir, 1, RenewOptions{Within: 400 * 24 * time.Hour}, later())
	renewed = append(renewed, Renewed{Kind: KindAuthority, Name: "etcd", OldEnd: issuedAt, Obstacle: "it is your own"},
		Renewed{Kind: KindMachine, Holder: "a", Name: "b", OldEnd: issuedAt, NewEnd: issuedAt, Lacking: []string{"the name x", "the name y"}})
	var out bytes.Buffer
	if err := WriteRenewed(&out, renewed); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"HOLDER NAME OLD END NEW END WHY",
		"(operator) etcd-client 2027-03-01 2028-02-28 its end",
		"node1 etcd 2027-03-01 2028-02-28 its end",
		"(authority) etcd 2026-03-01 - not renewed: it is your own",
		"a b 2026-03-01 2026-03-01 it lacked the name x, the name y",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("the table is\n%s", strings.Join(lines, "\n"))
	}
	if err := WriteRenewed(failing{}, renewed); err == nil {
		t.Error("a table that cannot be written gave no error")
	}
}
