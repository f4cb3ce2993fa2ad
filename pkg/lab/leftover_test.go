package lab

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLeftoversAreRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	makeDir := func(name string, files ...string) string {
		dir := filepath.Join(os.TempDir(), name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	killed, running := makeDir("nodekiln-lab-1", "n1.qcow2"), makeDir("nodekiln-lab-2", "n1.qcow2")
	starting, other := makeDir("nodekiln-lab-3"), makeDir("lab-4", "n1.qcow2")
	lock, err := lockDir(running)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()

	mine, temporary, err := openStateDir("")
	if err != nil || !temporary {
		t.Fatalf("temporary %v: %v", temporary, err)
	}
	for dir, want := range map[string]bool{killed: false, running: true, starting: true, other: true, mine: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", dir, err == nil, want)
		}
	}
}
