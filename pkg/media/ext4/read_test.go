package ext4_test

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"
)

func TestReaderIsAFileSystem(t *testing.T) {
	read := lay(t, makeImage(t, format{}),
		dir("usr"), dir("usr/lib"), symlink("lib", "usr/lib"), file("usr/lib/a", "content"), patternFile("b", 3*mib),
		symlink("usr/lib/absolute", "/lib/a"), symlink("usr/lib/above", "../../../../b"))
	if err := fstest.TestFS(read.FS(), "lib", "usr/lib/a", "b", "usr/lib/absolute"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"lib/a": "content", "usr/lib/absolute": "content"} {
		if b, err := fs.ReadFile(read.FS(), name); err != nil || string(b) != want {
			t.Errorf("%s has %q (%v), want %q", name, b, err, want)
		}
	}
	if info, err := fs.Stat(read.FS(), "lib/above"); err != nil || info.Size() != 3*mib {
		t.Errorf("a link above the root leads to %v (%v), want the root's file", info, err)
	}
}

func TestReaderErrors(t *testing.T) {
	read := lay(t, makeImage(t, format{}), file("a", ""), symlink("loop", "loop"), symlink("nowhere", "missing"))
	for name, want := range map[string]error{
		"missing": fs.ErrNotExist, "nowhere": fs.ErrNotExist, "../a": fs.ErrInvalid, "/a": fs.ErrInvalid,
		"a/b": nil, "loop": nil,
	} {
		_, err := fs.ReadFile(read.FS(), name)
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
	if _, err := fs.ReadFile(read.FS(), "lost+found"); err == nil {
		t.Error("a directory is read as a file")
	}
	if _, err := fs.ReadDir(read.FS(), "a"); err == nil {
		t.Error("a file is read as a directory")
	}
}
