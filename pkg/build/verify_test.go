package build

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// described writes the file and gives its description.
func described(t *testing.T, dir, name, content string) ImageFile {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(content))
	return ImageFile{File: name, Format: "qcow2", SHA256: hex.EncodeToString(sum[:])}
}

func TestVerify(t *testing.T) {
	for name, c := range map[string]struct {
		// spoil is done to an image; want are the words of the error for each, "" for none.
		spoil func(path string) error
		want  map[string]string
	}{
		"sound": {func(string) error { return nil }, map[string]string{}},
		"gone":  {os.Remove, map[string]string{"golden": "is gone", "overlay": "is gone", "standalone": "is gone"}},
		"changed": {func(path string) error { return os.WriteFile(path, []byte("GOLDEN"), 0o600) }, map[string]string{
			"golden": "is not as it was built", "overlay": "is not as it was built",
		}},
	} {
		for _, image := range []string{"golden", "overlay", "standalone"} {
			t.Run(name+" "+image, func(t *testing.T) {
				dir := t.TempDir()
				m := &Manifest{Base: described(t, dir, "golden", "golden"), Machines: []MachineImage{
					{Name: "a", ImageFile: described(t, dir, "overlay", "laid over"), Backing: "golden"},
					{Name: "b", ImageFile: described(t, dir, "standalone", "whole")},
				}}
				if err := c.spoil(filepath.Join(dir, image)); err != nil {
					t.Fatal(err)
				}
				err := m.Verify(dir)
				if want := c.want[image]; want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), image+" "+want)) {
					t.Errorf("got %v, want %q", err, want)
				}
			})
		}
	}
}

func TestVerifyNeedsNoBaseOfStandaloneImages(t *testing.T) {
	dir := t.TempDir()
	m := &Manifest{Base: ImageFile{File: "golden"}, Machines: []MachineImage{{Name: "b", ImageFile: described(t, dir, "b.raw", "whole")}}}
	if err := m.Verify(dir); err != nil {
		t.Error(err)
	}
}
