package tree

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// sample has one node of each kind that both cpio and a directory can hold.
func sample(t *testing.T) *Tree {
	t.Helper()
	private := File("etc/key", 0o600, epoch(), []byte("secret\n"), "")
	private.Owner = Owner{UID: 12, GID: 34}
	tr, err := New(Dir(".", 0o755, epoch(), ""), Dir("etc", 0o555, epoch(), ""), private,
		File("etc/odd name", 0o644, epoch(), nil, ""), File("five", 0o755, epoch(), []byte("12345"), ""),
		Symlink("link", "etc/key", epoch(), ""))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestWriteCpio(t *testing.T) {
	outside(t, "cpio")
	tr := sample(t)
	must(t, tr.Add(Node{Path: "console", Mode: fs.ModeDevice | fs.ModeCharDevice | 0o600, Major: 5, Minor: 1, ModTime: epoch()}))
	var b, again bytes.Buffer
	must(t, WriteCpio(&b, tr))
	must(t, WriteCpio(&again, tr))
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Error("two archives of one tree differ")
	}
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "x.cpio"), b.Bytes(), 0o644))
	got := run(t, dir, "cpio", "-itv", "--numeric-uid-gid", "--quiet", "-F", "x.cpio")
	for _, want := range []string{
		"drwxr-xr-x   2 0        0               0 Nov 14  2023 .\n", "-rw-------   1 12       34              7 Nov 14  2023 etc/key\n",
		"crw-------   1 0        0          5,   1 Nov 14  2023 console\n", "lrwxrwxrwx   1 0        0               7 Nov 14  2023 link -> etc/key\n",
		"-rwxr-xr-x   1 0        0               5 Nov 14  2023 five\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	run(t, dir, "cpio", "-id", "--quiet", "-F", "x.cpio", "etc/key")
	if text, err := os.ReadFile(filepath.Join(dir, "etc/key")); err != nil || string(text) != "secret\n" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestWriteCpioRefusals(t *testing.T) {
	for name, n := range map[string]Node{
		"hard link": {Path: "a", HardLink: "b"},
		"name":      {Path: "a", Mode: fs.ModeDir, Owner: Owner{User: "root"}},
		"too large": {Path: "a", Size: 1 << 32},
		"shorter":   {Path: "a", Size: 2, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("1")), nil }},
		"longer":    {Path: "a", Size: 2, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("123")), nil }},
	} {
		tr, err := New(n)
		must(t, err)
		if err := WriteCpio(io.Discard, tr); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestWriteDir(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o077} {
		old := syscall.Umask(umask)
		dir := filepath.Join(t.TempDir(), "rootfs")
		err := WriteDir(dir, sample(t))
		syscall.Umask(old)
		must(t, err)
		for name, want := range map[string]fs.FileMode{".": 0o755, "etc": 0o555, "etc/key": 0o600, "five": 0o755} {
			info, err := os.Stat(filepath.Join(dir, name))
			must(t, err)
			if info.Mode().Perm() != want || !info.ModTime().Equal(epoch()) {
				t.Errorf("umask %o: %s has mode %v and time %v", umask, name, info.Mode(), info.ModTime())
			}
		}
		if target, err := os.Readlink(filepath.Join(dir, "link")); err != nil || target != "etc/key" {
			t.Errorf("link: %q, %v", target, err)
		}
		if err := WriteDir(dir, sample(t)); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a second time: %v", err)
		}
		must(t, os.Chmod(filepath.Join(dir, "etc"), 0o755))
	}
}

// A tree whose directory is a link that leads away, by a mistake or by malice, must not be written through it.
func TestWriteDirStaysInside(t *testing.T) {
	outsideDir := t.TempDir()
	for _, target := range []string{outsideDir, "../../" + filepath.Base(outsideDir)} {
		tr, err := New(Symlink("etc", target, epoch(), ""), File("etc/passwd", 0o644, epoch(), []byte("x"), ""))
		must(t, err)
		dir := filepath.Join(t.TempDir(), "rootfs")
		if err := WriteDir(dir, tr); err == nil {
			t.Error("no error")
		}
		if left, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(left) != 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
	if found, err := os.ReadDir(outsideDir); err != nil || len(found) != 0 {
		t.Errorf("written outside: %v, %v", found, err)
	}
}

func TestWriteManifestIsReadByLibarchive(t *testing.T) {
	outside(t, "bsdtar")
	dir := t.TempDir()
	var b bytes.Buffer
	must(t, WriteManifest(&b, sample(t)))
	must(t, os.WriteFile(filepath.Join(dir, "x.mtree"), b.Bytes(), 0o644))
	got := run(t, dir, "bsdtar", "-tvf", "x.mtree")
	for _, want := range []string{"etc/odd name", "link -> etc/key", "-rw-------"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}

func TestWriteManifestShowsEveryChange(t *testing.T) {
	base := manifestOf(t, sample(t))
	for name, change := range map[string]func(*Node){
		"content": func(n *Node) { *n = File(n.Path, 0o600, n.ModTime, []byte("Secret\n"), "") },
		"mode":    func(n *Node) { n.Mode = 0o644 },
		"owner":   func(n *Node) { n.Owner.UID++ },
		"time":    func(n *Node) { n.ModTime = n.ModTime.Add(1e9) },
		"xattr":   func(n *Node) { n.Xattrs = map[string][]byte{"user.a": {1}} },
	} {
		tr := sample(t)
		n, _ := tr.Get("etc/key")
		change(&n)
		must(t, tr.Add(n))
		if manifestOf(t, tr) == base {
			t.Errorf("a change of the %s does not show", name)
		}
	}
}

func manifestOf(t *testing.T, tr *Tree) string {
	t.Helper()
	var b strings.Builder
	must(t, WriteManifest(&b, tr))
	return b.String()
}
