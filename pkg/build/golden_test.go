package build

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/base"
)

// copyGolden copies a base that was made with the content and is now cached as another, and commits it.
func copyGolden(t *testing.T, dir, content, cached string, force bool) (name string, err error) {
	t.Helper()
	sum := sha256.Sum256([]byte(content))
	g := base.Golden{Path: filepath.Join(t.TempDir(), "golden.qcow2")}
	g.Digest, g.Size = hex.EncodeToString(sum[:]), int64(len(content))
	if err := os.WriteFile(g.Path, []byte(cached), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := newStaging(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := out.close(); err != nil {
			t.Error(err)
		}
	}()
	b := baker{out: out}
	if err := b.copyGolden(g); err != nil {
		return goldenName(g), err
	}
	return goldenName(g), out.commit(force)
}

func TestGoldenThatWasWrittenTo(t *testing.T) {
	dir := t.TempDir()
	name, err := copyGolden(t, dir, "golden", "golden", false)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("g0lden"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := copyGolden(t, dir, "golden", "golden", false); err == nil || !strings.Contains(err.Error(), name+"; give --force") {
		t.Errorf("without force: %v", err)
	}
	if _, err := copyGolden(t, dir, "golden", "golden", true); err != nil {
		t.Errorf("with force: %v", err)
	}
	if got := read(t, path); got != "golden" {
		t.Errorf("there is %q", got)
	}
}

func TestDamagedBaseIsNotPassedOn(t *testing.T) {
	dir := t.TempDir()
	name, err := copyGolden(t, dir, "golden", "g0lden", true)
	if err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
		t.Error("the damaged base is among the images")
	}
}
