package media

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

func TestWriteGolden(t *testing.T) {
	s := spec(t)
	path, w := writeTestGolden(t, s)
	run(t, "qemu-img", "check", path)
	raw := rawCopy(t, path)
	checkDisk(t, raw, w.Layout)
	if got := inRoot(t, raw, w.Layout, "/etc/passwd"); !strings.HasPrefix(got, "root:x:0:0") {
		t.Errorf("/etc/passwd is %q", got)
	}
	if out := run(t, "sha256sum", path); !strings.HasPrefix(out, w.Digest) {
		t.Errorf("the digest is %s, sha256sum says %s", w.Digest, out)
	}
	st, err := os.Stat(path)
	if err != nil || st.Size() != w.Size || st.Mode() != 0o644 {
		t.Errorf("a file of %d bytes and mode %v, %v", st.Size(), st.Mode(), err)
	}
	g := openGolden(t, path)
	if g.layout != w.Layout || g.image.Size() != w.Layout.Size {
		t.Errorf("the layout is %+v, read back %+v", w.Layout, g.layout)
	}
	root, err := g.Root()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := fs.ReadFile(root, "bin/program007"); err != nil || !strings.HasPrefix(string(b), "program 7 ") {
		t.Errorf("bin/program007 is %.20q, %v", b, err)
	}
}

// TestGoldenGrows wants room for the group descriptors of a file system a thousand times as large, without which it could
// not grow while it is mounted, and has resize2fs grow it.
func TestGoldenGrows(t *testing.T) {
	path, w := writeTestGolden(t, spec(t))
	raw := rawCopy(t, path)
	part := filepath.Join(t.TempDir(), "root")
	run(t, "dd", "status=none", "conv=sparse", "if="+raw, "of="+part, "bs=1M", "skip=66", "count=64")
	if err := os.Truncate(part, 32<<30); err != nil {
		t.Fatal(err)
	}
	// 512 groups for each of the 64 GiB's 128 MiB, and 64 descriptors of 64 bytes in a block, less the first one.
	if out := run(t, "dumpe2fs", "-h", part); !regexp.MustCompile(`Reserved GDT blocks: +7\n`).MatchString(out) {
		t.Errorf("dumpe2fs -h: %s", out)
	}
	run(t, "resize2fs", part)
	run(t, "e2fsck", "-fn", part)
	if w.Layout.Root.Size != goldenRootSize {
		t.Errorf("a root partition of %d bytes", w.Layout.Root.Size)
	}
}

func TestWriteGoldenIsReproducible(t *testing.T) {
	_, first := writeTestGolden(t, spec(t))
	t.Setenv("TZ", "Asia/Kathmandu")
	t.Setenv("LC_ALL", "C.UTF-8")
	was := syscall.Umask(0o077)
	_, second := writeTestGolden(t, spec(t))
	syscall.Umask(was)
	if first.Digest != second.Digest {
		t.Error("the umask, the time zone or the directory shows")
	}
	changed := spec(t, tree.File("etc/passwd", 0o644, epoch, []byte("root:x:0:0:root:/root:/bin/zh\n"), ""))
	if _, third := writeTestGolden(t, changed); third.Digest == first.Digest {
		t.Error("one changed byte does not show")
	}
}

func TestWriteGoldenChoosesTheSize(t *testing.T) {
	s := spec(t)
	s.RootSize = 0
	size, err := sizeRoot(s.Root, 0)
	if err != nil || size.size < rootRoom || size.size%groupSize != 0 {
		t.Errorf("%+v, %v", size, err)
	}
	_, w := writeTestGolden(t, s)
	if w.Layout.Root.Size != size.size {
		t.Errorf("a root partition of %d bytes instead of %d", w.Layout.Root.Size, size.size)
	}
}

func TestWriteGoldenRefuses(t *testing.T) {
	needGolden(t)
	for want, change := range map[string]func(*DiskSpec){
		"no root tree":               func(s *DiskSpec) { s.Root = nil },
		"before 1980":                func(s *DiskSpec) { s.ModTime = time.Time{} },
		"root file system":           func(s *DiskSpec) { s.FSUUID = "$(reboot)" },
		"GUID of the BIOS-boot":      func(s *DiskSpec) { s.BIOSGUID = "" },
		"too small or not made of":   func(s *DiskSpec) { s.RootSize = 1 << 20 },
		"boot/grub/grub.cfg/missing": func(s *DiskSpec) { _ = s.Root.Add(tree.Dir("boot/grub/grub.cfg/missing", 0o755, epoch, "")) },
	} {
		dir := t.TempDir()
		s := spec(t)
		change(&s)
		_, err := WriteGolden(context.Background(), filepath.Join(dir, "golden"), s)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: %v is left", want, left)
		}
	}
}

func TestWriteGoldenStops(t *testing.T) {
	needGolden(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dir := t.TempDir()
	if _, err := WriteGolden(ctx, filepath.Join(dir, "golden"), spec(t)); err == nil {
		t.Error("a cancelled context does not stop it")
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

func TestFindGRUBNamesPackages(t *testing.T) {
	_, err := findGRUB(t.TempDir())
	if err == nil {
		t.Fatal("GRUB is found in an empty directory")
	}
	for _, want := range []string{"grub-pc-bin", "grub2-pc-modules", "grub-efi-amd64-bin", "grub2-efi-x64-modules"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}
