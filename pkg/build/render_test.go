package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// TestRenderedWithoutTheBasesDirectories: a tree that is made for a base lacks the directories that the base has.
func TestRenderedWithoutTheBasesDirectories(t *testing.T) {
	files, err := tree.New(tree.File("etc/ssh/key", 0o600, DefaultEpoch(), []byte("secret"), ""))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "a")
	if err := writeRendered(dir, files, DefaultEpoch()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, rootfsName, "etc/ssh/key")); err != nil || info.Mode() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	manifest := read(t, filepath.Join(dir, mtreeName))
	if !strings.Contains(manifest, "etc/ssh/key") || strings.Contains(manifest, "type=dir") {
		t.Errorf("the manifest does not list the machine's files alone:\n%s", manifest)
	}
}
