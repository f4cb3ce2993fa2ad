package ext4_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/pkg/media/ext4"
	"github.com/nodekiln/nodekiln/pkg/tool"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

const (
	// features are those of a root file system that GRUB can read.
	features = "has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum"
	uuid     = "3a9d6b1e-7f3c-4a51-9d2e-0c5b8e6f1a20"
	hashSeed = "c0ffee00-1234-4567-89ab-0123456789ab"
	mib      = 1 << 20
	gib      = 1 << 30
)

// epoch is the time of everything in these tests.
func epoch() time.Time { return time.Unix(1_700_000_000, 0) }

// format is how a file system is made; the zero value is the default root file system of 64 MiB.
type format struct {
	size     int64
	features string
	block    int
	inode    int
	inodes   int
	// dir is copied into it by mkfs.ext4.
	dir string
}

func (f format) String() string {
	name := []string{fmt.Sprintf("%dMiB", max(f.size, 64*mib)/mib)}
	if f.block != 0 {
		name = append(name, fmt.Sprintf("blocks of %d", f.block))
	}
	if f.inode != 0 {
		name = append(name, fmt.Sprintf("inodes of %d", f.inode))
	}
	for feature := range strings.SplitSeq(features, ",") {
		if f.features != "" && !slices.Contains(strings.Split(f.features, ","), feature) {
			name = append(name, "^"+feature)
		}
	}
	return strings.Join(name, ",")
}

// makeImage makes a file system and gives the file's path.
func makeImage(t testing.TB, f format) string {
	t.Helper()
	need(t, "mkfs.ext4", "e2fsck", "debugfs")
	if f.size == 0 {
		f.size = 64 * mib
	}
	if f.features == "" {
		f.features = features
	}
	if f.block == 0 {
		f.block = 4096
	}
	if f.inode == 0 {
		f.inode = 256
	}
	image := filepath.Join(t.TempDir(), "root.img")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, f.size); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"-q", "-F", "-O", "none," + f.features, "-b", strconv.Itoa(f.block), "-I", strconv.Itoa(f.inode), "-U", uuid,
		"-E", "lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0,hash_seed=" + hashSeed,
	}
	if f.inodes != 0 {
		args = append(args, "-N", strconv.Itoa(f.inodes))
	}
	if f.dir != "" {
		args = append(args, "-d", f.dir)
	}
	run(t, "mkfs.ext4", append(args, image)...)
	return image
}

// need skips the test when a program is missing, or fails it where all have to be there.
func need(t testing.TB, programs ...string) {
	t.Helper()
	if err := tool.Need(programs...); err != nil {
		if os.Getenv("NODEKILN_CONFORMANCE") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	err := tool.Cmd{
		Name: name, Args: args, Stdout: &out,
		Env: []string{"E2FSPROGS_FAKE_TIME=1700000000", "LC_ALL=C", "DEBUGFS_PAGER=cat"},
	}.Run(context.Background())
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return out.String()
}

// debugfs runs requests, one a line, and gives what is printed.
func debugfs(t testing.TB, image string, requests ...string) string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "requests")
	if err := os.WriteFile(script, []byte(strings.Join(requests, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return run(t, "debugfs", "-f", script, image)
}

// changeImage runs a request of debugfs that writes.
func changeImage(t testing.TB, image string, requests ...string) {
	t.Helper()
	for _, r := range requests {
		run(t, "debugfs", "-w", "-R", r, image)
	}
}

// fsck fails the test unless e2fsck finds nothing to complain about.
func fsck(t testing.TB, image string) {
	t.Helper()
	run(t, "e2fsck", "-fn", image)
}

func openImage(t testing.TB, image string) *os.File {
	t.Helper()
	file, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

func openFS(t testing.TB, dev ext4.Device) *ext4.FS {
	t.Helper()
	f, err := ext4.Open(dev)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// lay writes the nodes over the file system and lets e2fsck judge the result.
func lay(t testing.TB, image string, nodes ...tree.Node) *ext4.FS {
	t.Helper()
	f := layOnly(t, image, nodes...)
	fsck(t, image)
	return f
}

func layOnly(t testing.TB, image string, nodes ...tree.Node) *ext4.FS {
	t.Helper()
	f := openFS(t, openImage(t, image))
	if err := errors.Join(f.Write(newTree(t, nodes...)), f.Flush()); err != nil {
		t.Fatal(err)
	}
	return openFS(t, openImage(t, image))
}

func newTree(t testing.TB, nodes ...tree.Node) *tree.Tree {
	t.Helper()
	tr, err := tree.New(nodes...)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// without gives the default features except for some.
func without(names ...string) string {
	kept := strings.Split(features, ",")
	return strings.Join(slices.DeleteFunc(kept, func(n string) bool { return slices.Contains(names, n) }), ",")
}

func file(p string, content string) tree.Node {
	return tree.File(p, 0o644, epoch(), []byte(content), "test")
}

func dir(p string) tree.Node             { return tree.Dir(p, 0o755, epoch(), "test") }
func symlink(p, target string) tree.Node { return tree.Symlink(p, target, epoch(), "test") }
func hardLink(p, target string) tree.Node {
	return tree.Node{Path: p, HardLink: target}
}
