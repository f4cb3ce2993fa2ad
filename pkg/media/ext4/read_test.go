package ext4_test

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"
)

func TestReaderIsAFileSystem(t *testing.T) {
	read := lay(t, makeImage(t, format{}),
		dir("usr"), dir("usr/lib"), symlink("lib", "usr/lib"), file("usr/lib/a", "content"), patternFile("b", 100_000),
		symlink("usr/lib/absolute", "/lib/a"), symlink("usr/lib/above", "../../../../b"))
	if err := fstest.TestFS(read.FS(), "lib", "usr/lib/a", "b", "usr/lib/absolute"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"lib/a": "content", "usr/lib/absolute": "content"} {
		if b, err := fs.ReadFile(read.FS(), name); err != nil || string(b) != want {
			t.Errorf("%s has %q (%v), want %q", name, b, err, want)
		}
	}
	if info, err := fs.Stat(read.FS(), "lib/above"); err != nil || info.Size() != 100_000 {
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

// TestHolesAndUnwrittenBlocks reads what only a kernel or debugfs makes.
func TestHolesAndUnwrittenBlocks(t *testing.T) {
	image := makeImage(t, format{})
	lay(t, image, patternFile("f", 40_960), file("g", ""))
	changeImage(t, image, "punch /f 2 4", "fallocate /f 10 12", "sif /f size 53248", "fallocate /g 0 3", "sif /g size 16000")
	fsck(t, image)
	read := openFS(t, openImage(t, image))
	want := append(pattern(40_960), make([]byte, 53_248-40_960)...)
	clear(want[2*4096 : 5*4096])
	for name, content := range map[string][]byte{"f": want, "g": make([]byte, 16_000)} {
		if b, err := fs.ReadFile(read.FS(), name); err != nil || !bytes.Equal(b, content) {
			t.Errorf("%s: got %d bytes (%v) that are not right", name, len(b), err)
		}
	}
	// What was reserved is given back.
	free := openFS(t, openImage(t, image)).Usage().FreeBlocks
	if after := lay(t, image, file("f", ""), file("g", "")).Usage().FreeBlocks; after != free+7+3+4 {
		t.Errorf("%d blocks are free, were %d", after, free)
	}
}
