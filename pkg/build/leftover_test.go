package build

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestTidy(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"golden-0123456789ab.qcow2", "golden-ba9876543210.qcow2", "a.qcow2", "b.raw", "golden-b.qcow2", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := newStaging(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	m := &Manifest{Machines: []MachineImage{{ImageFile: ImageFile{File: "a.qcow2"}, Backing: "golden-0123456789ab.qcow2"}}}
	left, err := s.tidy(m)
	if want := []string{"b.raw", "golden-b.qcow2"}; err != nil || !slices.Equal(left, want) {
		t.Fatalf("left are %v, %v, want %v", left, err, want)
	}
	stale := filepath.Join(dir, "golden-ba9876543210.qcow2")
	if _, err := os.Stat(stale); err != nil {
		t.Errorf("a base was removed while there are images that may lie on it: %v", err)
	}
	for _, name := range left {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := s.tidy(m); len(left) > 0 || err != nil {
		t.Errorf("left are %v, %v", left, err)
	}
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Errorf("a base that nothing lies on is still there: %v", err)
	}
	for _, name := range []string{"golden-0123456789ab.qcow2", "a.qcow2", "notes.txt"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}
