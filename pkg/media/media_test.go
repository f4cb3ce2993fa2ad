package media

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// run runs an outside program, and skips the test where it is not installed, unless the environment says that all must
// be there.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	need(t, name)
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func need(t testing.TB, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		missing(t, name)
	}
}

// missing skips the test for want of something outside, or fails it where all must be there.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("NODEKILN_CONFORMANCE") == "1" {
		t.Fatalf("%s is not installed", what)
	}
	t.Skipf("%s is not installed", what)
}

var epoch = time.Date(2024, 5, 6, 7, 8, 10, 0, time.UTC)

const goldenRootSize = 64 * mebibyte

// spec describes a small golden disk.
func spec(t testing.TB, extra ...tree.Node) DiskSpec {
	t.Helper()
	nodes := []tree.Node{
		tree.Dir(".", 0o755, epoch, ""), tree.Dir("boot", 0o755, epoch, ""), tree.Dir("boot/grub", 0o755, epoch, ""),
		tree.Dir("etc", 0o755, epoch, ""), tree.Dir("usr", 0o755, epoch, ""), tree.Dir("usr/bin", 0o755, epoch, ""),
		tree.Symlink("bin", "usr/bin", epoch, ""),
		tree.File("boot/grub/grub.cfg", 0o644, epoch, []byte("serial\nterminal_output serial\necho read from the root of $grub_platform\nhalt\n"), ""),
		tree.File("etc/passwd", 0o644, epoch, []byte("root:x:0:0:root:/root:/bin/sh\n"), ""),
	}
	for i := range 200 {
		content := bytes.Repeat(fmt.Appendf(nil, "program %d ", i), 50*i)
		nodes = append(nodes, tree.File(fmt.Sprintf("usr/bin/program%03d", i), 0o755, epoch, content, ""))
	}
	root, err := tree.New(append(nodes, extra...)...)
	if err != nil {
		t.Fatal(err)
	}
	return DiskSpec{
		Root: root, RootSize: goldenRootSize,
		FSUUID: "5eb1b7a8-0000-4000-8000-000000000001", HashSeed: "5eb1b7a8-0000-4000-8000-000000000002",
		DiskGUID: "5eb1b7a8-0000-4000-8000-000000000003", BIOSGUID: "5eb1b7a8-0000-4000-8000-000000000004",
		ESPGUID: "5eb1b7a8-0000-4000-8000-000000000005", RootGUID: "5EB1B7A8-0000-4000-8000-000000000006",
		ESPVolumeID: 0xcafe0001, ModTime: epoch,
	}
}

// needGolden skips or fails the test when golden disks cannot be made here.
func needGolden(t testing.TB) {
	t.Helper()
	need(t, "mkfs.ext4")
	if _, err := findGRUB(grubLibrary); err != nil {
		missing(t, "GRUB")
	}
}

// writeTestGolden makes a small golden disk and gives its path.
func writeTestGolden(t testing.TB, s DiskSpec) (string, Written) {
	t.Helper()
	needGolden(t)
	path := filepath.Join(t.TempDir(), "golden.qcow2")
	w, err := WriteGolden(context.Background(), path, s)
	if err != nil {
		t.Fatal(err)
	}
	return path, w
}

func openGolden(t testing.TB, path string) *Golden {
	t.Helper()
	g, err := OpenGolden(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

// rawCopy converts an image to a raw disk by qemu-img, for programs that know no other.
func rawCopy(t testing.TB, image string) string {
	t.Helper()
	raw := filepath.Join(t.TempDir(), "disk.raw")
	run(t, "qemu-img", "convert", "-O", "raw", image, raw)
	return raw
}

// checkDisk has the partition table and the file systems of a raw disk judged.
func checkDisk(t testing.TB, raw string, l Layout) {
	t.Helper()
	if out := run(t, "sgdisk", "-v", raw); !strings.Contains(out, "No problems found") {
		t.Errorf("sgdisk -v: %s", out)
	}
	run(t, "e2fsck", "-fn", fmt.Sprintf("%s?offset=%d", raw, l.Root.Start))
	esp := filepath.Join(t.TempDir(), "esp")
	run(t, "dd", "status=none", "if="+raw, "of="+esp, "bs=1M", fmt.Sprintf("skip=%d", l.ESP.Start/mebibyte), fmt.Sprintf("count=%d", l.ESP.Size/mebibyte))
	run(t, "fsck.vfat", "-n", esp)
}

// inRoot reads a file of a raw disk's root file system by debugfs.
func inRoot(t testing.TB, raw string, l Layout, name string) string {
	t.Helper()
	need(t, "debugfs")
	out, err := exec.Command("debugfs", "-R", "cat "+name, fmt.Sprintf("%s?offset=%d", raw, l.Root.Start)).Output()
	if err != nil {
		t.Fatalf("debugfs cat %s: %v", name, err)
	}
	return string(out)
}
