package base

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

//go:embed initrd/init
var initScript string

// initrdApplets are the programs that busybox is called by: what the init script uses, and what somebody in its shell
// reaches for.
func initrdApplets() []string {
	return strings.Fields(`sh cat cttyhack cut dd dmesg echo find findfs grep head hexdump insmod ls lsmod mkdir modprobe more
		mount poweroff reboot rmmod setsid sleep sort switch_root tail umount vi wc xargs`)
}

// initrd gives the initial root filesystem for the tree's kernel, as GRUB hands it over: a cpio archive compressed by
// zstd, which kernels since 5.9 unpack.
func initrd(root *tree.Tree, m *modules, modTime time.Time) ([]byte, error) {
	t, err := initrdTree(root, m, modTime)
	if err != nil {
		return nil, fmt.Errorf("make the initrd: %w", err)
	}
	var b bytes.Buffer
	// Concurrency would make the result depend on how the input falls into blocks.
	z, err := zstd.NewWriter(&b, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(initrdWindow))
	if err != nil {
		return nil, fmt.Errorf("make the initrd: %w", err)
	}
	if err := tree.WriteCpio(z, t); err != nil {
		return nil, fmt.Errorf("make the initrd: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("make the initrd: %w", err)
	}
	return b.Bytes(), nil
}

// initrdWindow is as far back as the compression may refer, in bytes; the kernel takes up to 128 MiB:
// ZSTD_WINDOWSIZE_MAX in lib/decompress_unzstd.c.
const initrdWindow = 8 << 20

func initrdTree(root *tree.Tree, m *modules, modTime time.Time) (*tree.Tree, error) {
	busybox, err := root.Resolve("bin/busybox")
	if err != nil {
		return nil, err
	}
	busybox.Path, busybox.ModTime = "bin/busybox", modTime
	t, err := tree.New(busybox, tree.File("init", 0o755, modTime, []byte(initScript), initrdOrigin))
	if err != nil {
		return nil, err
	}
	nodes := []tree.Node{
		// The kernel itself calls this one for what filesystems and ciphers ask for.
		tree.Symlink("sbin/modprobe", "../bin/busybox", modTime, initrdOrigin),
	}
	for _, dir := range []string{"dev", "proc", "root", "sys"} {
		nodes = append(nodes, tree.Dir(dir, 0o755, modTime, initrdOrigin))
	}
	for _, a := range initrdApplets() {
		nodes = append(nodes, tree.Symlink("bin/"+a, "busybox", modTime, initrdOrigin))
	}
	drivers, err := initrdDrivers(root, m, modTime)
	if err != nil {
		return nil, err
	}
	for _, n := range append(nodes, drivers...) {
		if err := t.Add(n); err != nil {
			return nil, err
		}
	}
	return t.WithParents(modTime), nil
}

const initrdOrigin = "initrd"

// initrdDrivers gives the modules, uncompressed since the whole is compressed, and the tables that modprobe reads.
func initrdDrivers(root *tree.Tree, m *modules, modTime time.Time) ([]tree.Node, error) {
	dir := "lib/modules/" + m.version
	paths := m.closure(initrdModules())
	if len(paths) == 0 {
		return nil, fmt.Errorf("kernel %s has none of the drivers", m.version)
	}
	var nodes []tree.Node
	var dep strings.Builder
	for _, p := range paths {
		text, err := moduleContent(root, path.Join(m.dir, p))
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, tree.File(path.Join(dir, plainName(p)), 0o644, modTime, text, initrdOrigin))
		dep.WriteString(plainName(p) + ":")
		for _, need := range m.needs[p] {
			dep.WriteString(" " + plainName(need))
		}
		dep.WriteString("\n")
	}
	aliases, err := m.aliases(root, paths)
	if err != nil {
		return nil, err
	}
	return append(nodes,
		tree.File(dir+"/modules.dep", 0o644, modTime, []byte(dep.String()), initrdOrigin),
		tree.File(dir+"/modules.alias", 0o644, modTime, []byte(aliases), initrdOrigin)), nil
}

// plainName is a module's path without the extension of its compression.
func plainName(p string) string { return strings.TrimSuffix(p, ".xz") }

// moduleContent reads a module; Debian compresses them by xz since release 13.
func moduleContent(root *tree.Tree, p string) ([]byte, error) {
	n, ok := root.Get(p)
	if !ok {
		return nil, fmt.Errorf("the module %s is not there", p)
	}
	text, err := n.Content()
	if err != nil || !strings.HasSuffix(p, ".xz") {
		return text, err
	}
	r, err := xz.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", p, err)
	}
	if text, err = io.ReadAll(r); err != nil {
		return nil, fmt.Errorf("unpack %s: %w", p, err)
	}
	return text, nil
}
