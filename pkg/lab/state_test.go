package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// boot runs a machine in a lab of its own until it is healthy, and gives the first line of its console.
func boot(t *testing.T, m Machine, o Options) string {
	t.Helper()
	l := start(t, []Machine{m}, o)
	first := healthy(t, l)[0].ConsoleTail[0]
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return first
}

func TestStateIsContinued(t *testing.T) {
	o := options(t)
	m := tinyMachines(t, tinyHealthy)[0]
	for i, step := range []struct {
		fresh bool
		want  string
	}{{false, "boot 1"}, {false, "boot 2"}, {true, "boot 1"}, {false, "boot 2"}} {
		o.Fresh = step.fresh
		if got := boot(t, m, o); got != step.want {
			t.Errorf("step %d: %q, not %q", i, got, step.want)
		}
	}
	info, err := os.Stat(filepath.Join(o.StateDir, "node1.qcow2"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the overlay's mode: %v, %v", info, err)
	}
	if left, _ := filepath.Glob(filepath.Join(o.StateDir, "*.partial")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestStateOfAnotherImageIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Machine) error{
		"time":   func(m *Machine) error { return os.Chtimes(m.Disk, time.Time{}, time.Unix(1e9, 0)) },
		"size":   func(m *Machine) error { return os.Truncate(m.Disk, 2<<20) },
		"digest": func(m *Machine) error { m.Digest = "b"; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			need(t, "qemu-img")
			m := tinyMachines(t, tinyHealthy)[0]
			if name == "digest" {
				m.Digest = "a"
			}
			d := diskIn(t.TempDir(), m.Name)
			if err := d.open(t.Context(), m, false); err != nil {
				t.Fatal(err)
			}
			if err := d.open(t.Context(), m, false); err != nil {
				t.Fatalf("on the same image: %v", err)
			}
			if err := change(&m); err != nil {
				t.Fatal(err)
			}
			if err := d.open(t.Context(), m, false); err == nil || !strings.Contains(err.Error(), "--fresh") {
				t.Errorf("on a changed image: %v", err)
			}
			if err := d.open(t.Context(), m, true); err != nil {
				t.Errorf("with fresh: %v", err)
			}
		})
	}
}

func TestStateFollowsItsImage(t *testing.T) {
	o := options(t)
	m := tinyMachines(t, tinyHealthy)[0]
	m.Digest = "the digest"
	boot(t, m, o)
	moved := filepath.Join(t.TempDir(), "moved.raw")
	if err := os.Rename(m.Disk, moved); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(moved, time.Time{}, time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	m.Disk = moved
	for _, want := range []string{"boot 2", "boot 3"} {
		if got := boot(t, m, o); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestStateWithoutItsRecordIsRefused(t *testing.T) {
	need(t, "qemu-img")
	m := tinyMachines(t, tinyHealthy)[0]
	d := diskIn(t.TempDir(), m.Name)
	if err := d.open(t.Context(), m, false); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.record, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.open(t.Context(), m, false); err == nil || !strings.Contains(err.Error(), "--fresh") {
		t.Errorf("with a broken record: %v", err)
	}
	if err := os.Remove(d.record); err != nil {
		t.Fatal(err)
	}
	if err := d.open(t.Context(), m, false); err == nil || !strings.Contains(err.Error(), "--fresh") {
		t.Errorf("without a record: %v", err)
	}
}

func TestBadImageLeavesNoState(t *testing.T) {
	need(t, "qemu-img")
	m := tinyMachines(t, tinyHealthy)[0]
	m.Format = "qcow2"
	d := diskIn(t.TempDir(), m.Name)
	if err := d.open(t.Context(), m, false); err == nil || !strings.Contains(err.Error(), m.Disk) {
		t.Errorf("a raw image taken for qcow2: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(d.overlay), "*.qcow2*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestLockedStateDir(t *testing.T) {
	dir := t.TempDir()
	f, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := lockDir(dir); err == nil {
		second.Close()
		t.Error("a directory is locked twice")
	}
	f.Close()
	if f, err = lockDir(dir); err != nil {
		t.Errorf("after it was freed: %v", err)
	}
	f.Close()
}
