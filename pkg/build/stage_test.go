package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// makeImage makes a file and declares it an image.
func makeImage(t *testing.T, s *staging, name, content string) {
	t.Helper()
	if err := os.WriteFile(s.path(name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.image(name); err != nil {
		t.Fatal(err)
	}
}

// stage makes one image and one description and commits them.
func stage(t *testing.T, dir, image string, force bool) error {
	t.Helper()
	s, err := newStaging(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(s.path("")); !os.IsNotExist(err) {
			t.Errorf("the staging directory is left: %v", err)
		}
	}()
	makeImage(t, s, "a.qcow2", image)
	if err := s.write("manifest.json", []byte("of "+image), 0o644); err != nil {
		t.Fatal(err)
	}
	return s.commit(force)
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestStagingKeepsWhatDiffers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	if err := stage(t, dir, "one", false); err != nil {
		t.Fatal(err)
	}
	if err := stage(t, dir, "one", false); err != nil {
		t.Errorf("the same again: %v", err)
	}
	err := stage(t, dir, "two", false)
	if err == nil || !strings.Contains(err.Error(), "a.qcow2; give --force") {
		t.Errorf("another image: %v", err)
	}
	if got := read(t, filepath.Join(dir, "a.qcow2")) + read(t, filepath.Join(dir, "manifest.json")); got != "oneof one" {
		t.Errorf("without force there is %q", got)
	}
	if err := stage(t, dir, "two", true); err != nil {
		t.Errorf("with force: %v", err)
	}
	if got := read(t, filepath.Join(dir, "a.qcow2")) + read(t, filepath.Join(dir, "manifest.json")); got != "twoof two" {
		t.Errorf("with force there is %q", got)
	}
}

func TestStagingLeavesTheSameFileInPlace(t *testing.T) {
	dir := t.TempDir()
	if err := stage(t, dir, "one", false); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(filepath.Join(dir, "a.qcow2"))
	if err != nil {
		t.Fatal(err)
	}
	if err := stage(t, dir, "one", true); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(filepath.Join(dir, "a.qcow2"))
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) {
		t.Error("an image that is the same was replaced")
	}
}

func TestStagingIsExclusiveAndClearsLeftovers(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, stagingName, "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := newStaging(dir)
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(s.path("")); len(left) > 0 {
		t.Errorf("what a killed process left is there: %v", left)
	}
	if _, err := newStaging(dir); err == nil || !strings.Contains(err.Error(), "another nodekiln") {
		t.Errorf("a second writer: %v", err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	again, err := newStaging(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.close(); err != nil {
		t.Fatal(err)
	}
}

// TestStagingNeverDescribesOtherImages interrupts the replacing of images: no description of the old ones is left.
func TestStagingNeverDescribesOtherImages(t *testing.T) {
	dir := t.TempDir()
	if err := stage(t, dir, "one", false); err != nil {
		t.Fatal(err)
	}
	s, err := newStaging(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	makeImage(t, s, "a.qcow2", "two")
	makeImage(t, s, "b.qcow2", "two")
	if err := s.write("manifest.json", []byte("of two"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.path("b.qcow2")); err != nil {
		t.Fatal(err)
	}
	if err := s.commit(true); err == nil {
		t.Fatal("an image that is not there got its name")
	}
	if _, err := os.Stat(filepath.Join(dir, "manifest.json")); !os.IsNotExist(err) {
		t.Errorf("a manifest lies beside images that it does not describe: %v", err)
	}
}
