package pki

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestEnsureAgainChangesNothing(t *testing.T) {
	first, dir := newLab(t, 3)
	before := snapshot(t, dir)
	second := ensure(t, dir, lab(machines(3)), machines(3))
	if after := snapshot(t, dir); !maps.Equal(before, after) {
		t.Error("a bundle that is complete was written to")
	}
	wantSame(t, first, second, machines(3))
}

// TestCompleteBundleOnReadOnlyMedium has another process take a bundle that is mounted read-only.
func TestCompleteBundleOnReadOnlyMedium(t *testing.T) {
	unshare := outside(t, "unshare")
	_, dir := newLab(t, 2)
	reader := helper{dir: dir, machines: 2}.command(t)
	const mounted = `mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && ! touch "$0/new" 2>/dev/null && exec "$@"`
	namespace := []string{"--mount"}
	if os.Geteuid() != 0 { // a plain user may mount only in a user namespace
		namespace = append(namespace, "--user", "--map-root-user")
	}
	unshare(append(namespace, "sh", "-c", mounted, dir, "env", reader.Env[len(reader.Env)-1], reader.Path)...)
}

// wantSame fails where two bundles differ in what machines get from them.
func wantSame(t *testing.T, a, b *Bundle, machines []string) {
	t.Helper()
	if a.ClusterID() != b.ClusterID() || len(a.ClusterID()) != 32 {
		t.Errorf("the cluster's ids are %q and %q", a.ClusterID(), b.ClusterID())
	}
	for _, m := range machines {
		certA, keyA, errA := a.Certificate(m, "etcd")
		certB, keyB, errB := b.Certificate(m, "etcd")
		if errA != nil || errB != nil || !bytes.Equal(certA, certB) || !bytes.Equal(keyA.Reveal(), keyB.Reveal()) {
			t.Errorf("the certificate or the key of %s differs (%v, %v)", m, errA, errB)
		}
		sshA, errA := a.SSHHostKeys(m)
		sshB, errB := b.SSHHostKeys(m)
		if errA != nil || errB != nil || len(sshA) != 2 || len(sshB) != 2 {
			t.Fatalf("the SSH keys of %s: %d and %d (%v, %v)", m, len(sshA), len(sshB), errA, errB)
		}
		for i := range sshA {
			if !bytes.Equal(sshA[i].Public, sshB[i].Public) || !bytes.Equal(sshA[i].Private.Reveal(), sshB[i].Private.Reveal()) {
				t.Errorf("%s of %s differs", sshA[i].Name, m)
			}
		}
	}
}

func TestMachineAddedLater(t *testing.T) {
	_, dir := newLab(t, 2)
	before := snapshot(t, dir)
	all := machines(batch + 3) // more than one commit
	b := ensure(t, dir, lab(all), all)
	after := snapshot(t, dir)
	wantKept(t, before, after)
	for _, m := range all {
		if _, _, err := b.Certificate(m, "etcd"); err != nil {
			t.Error(err)
		}
		if after["machines/"+m+"/etcd-key.pem"] == "" {
			t.Errorf("%s has no key on the disk", m)
		}
	}
	if _, err := Open(dir); err != nil {
		t.Error(err)
	}
	// A machine that leaves takes nothing with it, and is not in the bundle of those that stay.
	fewer := ensure(t, dir, lab(all[:1]), all[:1])
	wantKept(t, after, snapshot(t, dir))
	if _, err := fewer.SSHHostKeys("node2"); err == nil {
		t.Error("a machine that is not in the plan is in the bundle")
	}
}

func TestModesUnderUmasks(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o077, 0o377} {
		t.Run(fmt.Sprintf("%03o", umask), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "lab.pki")
			if err := (helper{dir: dir, umask: umask, machines: 1}).command(t).Run(); err != nil {
				t.Fatal(err)
			}
			public := map[string]bool{".pub": true, ".pem": true, ".csr": true}
			err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				want := fs.FileMode(0o600)
				switch isKey, _ := filepath.Match("*-key.pem", d.Name()); {
				case d.IsDir():
					want = 0o700
				case public[filepath.Ext(p)] && !isKey:
					want = 0o644
				}
				info, err := d.Info()
				if err == nil && info.Mode().Perm() != want {
					t.Errorf("%s has mode %03o, want %03o", p, info.Mode().Perm(), want)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestKilledAtEachFile(t *testing.T) {
	for killAt := 1; ; killAt++ {
		dir := filepath.Join(t.TempDir(), "lab.pki")
		cmd := helper{dir: dir, killAt: killAt, machines: 2}.command(t)
		if err := cmd.Run(); err == nil {
			if killAt < 18 {
				t.Errorf("only %d files got their names", killAt-1)
			}
			break
		}
		if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGKILL {
			t.Fatalf("killed at file %d, the process ended by: %v", killAt, status)
		}
		before := snapshot(t, dir)
		if killAt > 1 {
			if _, err := Open(dir); err != nil {
				t.Errorf("killed at file %d, the bundle cannot be opened: %v", killAt, err)
			}
		}
		first := ensure(t, dir, lab(machines(2)), machines(2))
		after := snapshot(t, dir)
		for path := range before {
			if filepath.Dir(path) == stagingDir {
				delete(before, path)
			}
		}
		wantKept(t, before, after)
		if _, ok := after[stagingDir]; ok {
			t.Errorf("killed at file %d, %s stays", killAt, stagingDir)
		}
		wantSame(t, first, ensure(t, dir, lab(machines(2)), machines(2)), machines(2))
	}
}

func TestErrorWhileWriting(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lab.pki")
	full := errors.New("no space left on device")
	_, err := Ensure(t.Context(), dir, lab(machines(1)), machines(1), WithClock(clock), func(o *options) {
		o.rename = func(root *os.Root, from, to string) error {
			if filepath.Base(to) == "ca.pem" {
				return full
			}
			return root.Rename(from, to)
		}
	})
	if !errors.Is(err, full) {
		t.Fatalf("the error is %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, stagingDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("temporary files stay: %v", err)
	}
	ensure(t, dir, lab(machines(1)), machines(1))
}

func TestManyAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lab.pki")
	var bundles [4]*Bundle
	var all sync.WaitGroup
	for i := range bundles {
		all.Go(func() {
			var err error
			if bundles[i], err = Ensure(context.Background(), dir, lab(machines(8)), machines(8), WithClock(clock)); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			// Processes with fewer machines, so that who comes first matters.
			if err := (helper{dir: dir, machines: 2 * i}).command(t).Run(); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			// A reader finds a sound bundle at any time, once there is one.
			if _, err := Open(dir); err != nil && !errors.Is(err, fs.ErrNotExist) && err.Error() != dir+": is empty: nothing has been issued into it yet" {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	for _, b := range bundles[1:] {
		wantSame(t, bundles[0], b, machines(8))
	}
	wantSame(t, bundles[0], ensure(t, dir, lab(machines(8)), machines(8)), machines(8))
}

func TestLockEndsWithContext(t *testing.T) {
	_, dir := newLab(t, 1)
	s, err := openStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	unlock, err := s.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*lockPoll)
	defer cancel()
	if _, err := Ensure(ctx, dir, lab(machines(1)), machines(1), WithClock(clock)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for a lock gave: %v", err)
	}
	unlock()
	ensure(t, dir, lab(machines(1)), machines(1))
}

func TestCancelled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lab.pki")
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Ensure(ctx, dir, lab(machines(2)), machines(2), WithClock(func() time.Time { cancel(); return issuedAt }))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call gave: %v", err)
	}
	ensure(t, dir, lab(machines(2)), machines(2))
}

func TestNothingIsLogged(t *testing.T) {
	var out bytes.Buffer
	log.SetOutput(&out)
	defer log.SetOutput(os.Stderr)
	newLab(t, 1)
	if out.Len() > 0 {
		t.Errorf("logged: %s", &out)
	}
}

func BenchmarkEnsure(b *testing.B) {
	const n = 300
	b.Run("issue", func(b *testing.B) {
		for b.Loop() {
			ensure(b, filepath.Join(b.TempDir(), "lab.pki"), lab(machines(n)), machines(n))
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "µs/machine")
	})
	b.Run("load", func(b *testing.B) {
		_, dir := newLab(b, n)
		for b.Loop() {
			ensure(b, dir, lab(machines(n)), machines(n))
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "µs/machine")
	})
}
