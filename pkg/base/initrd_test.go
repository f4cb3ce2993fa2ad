package base

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// kernelTree has a few modules of a kernel, one of them compressed, and the tables about them.
func kernelTree(t testing.TB) *tree.Tree {
	t.Helper()
	var packed bytes.Buffer
	w, err := xz.NewWriter(&packed)
	must(t, err)
	_, err = w.Write([]byte("virtio code"))
	must(t, err)
	must(t, w.Close())
	const dir = "usr/lib/modules/6.1.0-1-amd64/"
	out := &tree.Tree{}
	for p, text := range map[string]string{
		"usr/bin/busybox": "busybox code",
		dir + "modules.dep": "kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio.ko.xz\nkernel/drivers/virtio/virtio.ko.xz:\n" +
			"kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko\nkernel/fs/jbd2/jbd2.ko:\nkernel/drivers/usb/host/xhci-pci.ko:\nkernel/net/ipv6/ipv6.ko:\n",
		dir + "modules.alias":                       "# made by depmod\nalias virtio:d00000002v* virtio_blk\nalias fs-ext4 ext4\nalias net-pf-10 ipv6\nalias pci:v*d*sv*sd*bc0Csc03i30* xhci_pci\n",
		dir + "kernel/drivers/block/virtio_blk.ko":  "virtio_blk code",
		dir + "kernel/drivers/virtio/virtio.ko.xz":  packed.String(),
		dir + "kernel/fs/ext4/ext4.ko":              "ext4 code",
		dir + "kernel/fs/jbd2/jbd2.ko":              "jbd2 code",
		dir + "kernel/drivers/usb/host/xhci-pci.ko": "xhci code",
		dir + "kernel/net/ipv6/ipv6.ko":             "ipv6 code",
	} {
		must(t, out.Add(tree.File(p, 0o755, epoch(), []byte(text), "")))
	}
	must(t, out.Add(tree.Symlink("bin", "usr/bin", epoch(), "")))
	return out
}

func TestInitrdHoldsDriversAndTheirDependencies(t *testing.T) {
	root := kernelTree(t)
	m, err := findModules(root)
	must(t, err)
	packed, err := initrd(root, m, epoch())
	must(t, err)
	if again, err := initrd(root, m, epoch()); err != nil || !bytes.Equal(packed, again) {
		t.Errorf("two initrds of one tree differ, %v", err)
	}
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "initrd.zst"), packed, 0o644))
	judge(t, dir, "zstd", "-q", "-d", "initrd.zst", "-o", "initrd")
	judge(t, dir, "cpio", "-id", "--quiet", "-F", "initrd")
	lib := filepath.Join(dir, "lib/modules/6.1.0-1-amd64")
	for file, want := range map[string]string{
		lib + "/kernel/drivers/virtio/virtio.ko":     "virtio code",
		lib + "/kernel/drivers/block/virtio_blk.ko":  "virtio_blk code",
		lib + "/kernel/fs/jbd2/jbd2.ko":              "jbd2 code",
		lib + "/kernel/drivers/usb/host/xhci-pci.ko": "xhci code",
		filepath.Join(dir, "bin/busybox"):            "busybox code",
		lib + "/modules.alias":                       "alias virtio:d00000002v* virtio_blk\nalias fs-ext4 ext4\nalias pci:v*d*sv*sd*bc0Csc03i30* xhci_pci\n",
		lib + "/modules.dep": "kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio.ko\nkernel/drivers/usb/host/xhci-pci.ko:\n" +
			"kernel/drivers/virtio/virtio.ko:\nkernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko\nkernel/fs/jbd2/jbd2.ko:\n",
	} {
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", file, got, err)
		}
	}
	if _, err := os.Stat(lib + "/kernel/net/ipv6/ipv6.ko"); err == nil {
		t.Error("a module that nobody asked for is there")
	}
	for _, name := range []string{"init", "bin/sh", "sbin/modprobe", "root", "dev"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// Every program that the init script calls is among busybox's links or part of its shell.
func TestInitUsesOnlyItsApplets(t *testing.T) {
	have := append(initrdApplets(), "modprobe")
	for _, name := range []string{"mount", "umount", "cat", "sort", "xargs", "modprobe", "cut", "setsid", "cttyhack", "findfs", "sleep", "switch_root", "sh"} {
		if strings.Contains(initScript, name) && !slices.Contains(have, name) {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestFindModulesRefusals(t *testing.T) {
	if _, err := findModules(&tree.Tree{}); err == nil {
		t.Error("no kernel: no error")
	}
	two := kernelTree(t)
	must(t, two.Add(tree.File("usr/lib/modules/6.2/modules.dep", 0o644, epoch(), nil, "")))
	if _, err := findModules(two); err == nil || !strings.Contains(err.Error(), "6.2") {
		t.Errorf("two kernels: %v", err)
	}
}
