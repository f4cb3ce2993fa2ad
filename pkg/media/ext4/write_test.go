package ext4_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/pkg/media/ext4"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// pattern gives bytes that repeat nowhere.
func pattern(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)}).Read(b)
	return b
}

func patternFile(p string, n int) tree.Node {
	return tree.File(p, 0o600, epoch(), pattern(n), "test")
}

// allKinds is a tree with everything that a node can be.
func allKinds() []tree.Node {
	owned := file("etc/owned", "mine\n")
	owned.Owner = tree.Owner{UID: 70000, GID: 4_000_000_000}
	owned.Mode = 0o750 | fs.ModeSetuid | fs.ModeSetgid
	sticky := dir("tmp")
	sticky.Mode |= 0o777 | fs.ModeSticky
	caps := file("etc/caps", "capable")
	caps.Xattrs = map[string][]byte{
		"security.capability": {1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"user.empty":          {},
	}
	large := file("etc/xattrs", "described")
	large.Xattrs = map[string][]byte{
		"user.long": pattern(500), "user.b": []byte("short"), "trusted.overlay.opaque": []byte("y"), "user.longer": pattern(301),
	}
	late := file("etc/late", "after 2038")
	late.ModTime = time.Unix(5_000_000_000, 0)
	listed := dir("etc/listed")
	listed.Xattrs = map[string][]byte{"system.posix_acl_access": accessList(), "system.posix_acl_default": accessList()}
	return []tree.Node{
		dir("."), dir("etc"), sticky, listed, dir("etc/empty.d"), dir("dev"), owned, caps, large, late,
		file("etc/hosts", "127.0.0.1 localhost\n"), file("etc/nothing", ""), patternFile("etc/large", 3*mib+17),
		patternFile("etc/block", 4096), patternFile("etc/block+1", 4097),
		symlink("etc/short", "hosts"), symlink("etc/59", strings.Repeat("x", 59)), symlink("etc/60", strings.Repeat("y", 60)),
		symlink("etc/long", "/"+strings.Repeat("long/", 180)),
		hardLink("etc/a-link", "etc/hosts"), hardLink("etc/b-link", "etc/a-link"), hardLink("a-link", "etc/owned"),
		{Path: "dev/null", Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666, ModTime: epoch(), Major: 1, Minor: 3},
		{Path: "dev/wide", Mode: fs.ModeDevice | 0o660, ModTime: epoch(), Major: 259, Minor: 0xabcde},
		{Path: "dev/pipe", Mode: fs.ModeNamedPipe | 0o600, ModTime: epoch()},
		{Path: "dev/sock", Mode: fs.ModeSocket | 0o600, ModTime: epoch()},
	}
}

// accessList is u::rwx,u:70000:r-x,g::r-x,g:5:---,m::r-x,o::r-x as setfacl(1) hands it to the kernel.
func accessList() []byte {
	list := []byte{2, 0, 0, 0}
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{{0x01, 7, math.MaxUint32}, {0x02, 5, 70000}, {0x04, 5, math.MaxUint32}, {0x08, 0, 5}, {0x10, 5, math.MaxUint32}, {0x20, 5, math.MaxUint32}} {
		list = binary.LittleEndian.AppendUint16(list, e.tag)
		list = binary.LittleEndian.AppendUint16(list, e.perm)
		list = binary.LittleEndian.AppendUint32(list, e.id)
	}
	return list
}

func TestWriteAllKinds(t *testing.T) {
	formats := []format{
		{},
		{size: 2 * gib},
		{size: 20 * gib},
		{features: without("metadata_csum")},
		{size: gib, features: without("metadata_csum", "flex_bg")},
		{size: gib, features: without("64bit")},
		{size: gib, features: without("flex_bg", "sparse_super", "resize_inode")},
		{block: 1024},
		{block: 2048},
		{block: 1024, features: without("metadata_csum", "64bit")},
		{features: without("huge_file", "dir_nlink", "extra_isize")},
		{inode: 512},
	}
	for _, f := range formats {
		t.Run(f.String(), func(t *testing.T) {
			image := makeImage(t, f)
			nodes := allKinds()
			read := lay(t, image, nodes...)
			compare(t, read.FS(), newTree(t, nodes...))
			compareByDebugfs(t, image, newTree(t, nodes...))
			// Once more over itself: everything is replaced, and nothing is lost.
			before := read.Usage()
			read = lay(t, image, nodes...)
			compare(t, read.FS(), newTree(t, nodes...))
			if after := read.Usage(); after != before {
				t.Errorf("usage is %+v after %+v", after, before)
			}
		})
	}
}

func TestWriteSmallInodes(t *testing.T) {
	image := makeImage(t, format{inode: 128, features: without("extra_isize")})
	var nodes []tree.Node
	for _, n := range allKinds() {
		if n.Path != "etc/late" {
			nodes = append(nodes, n)
		}
	}
	compare(t, lay(t, image, nodes...).FS(), newTree(t, nodes...))
	compareByDebugfs(t, image, newTree(t, nodes...))
}

func compare(t *testing.T, got fs.FS, want *tree.Tree) {
	t.Helper()
	for _, n := range want.Nodes() {
		name := n.Path
		for n.HardLink != "" {
			n, _ = want.Get(n.HardLink)
		}
		if err := compareNode(got, name, n); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func compareNode(got fs.FS, name string, want tree.Node) error {
	info, err := fs.Lstat(got, name)
	if err != nil {
		return err
	}
	a := info.Sys().(*ext4.Attr)
	if info.Mode() != want.Mode || !info.ModTime().Equal(want.ModTime) || a.UID != want.Owner.UID || a.GID != want.Owner.GID ||
		a.Major != want.Major || a.Minor != want.Minor {
		return fmt.Errorf("got %v %v %+v, want %+v", info.Mode(), info.ModTime(), a, want)
	}
	owner, xattrs := a.Metadata()
	if owner != (tree.Owner{UID: want.Owner.UID, GID: want.Owner.GID}) {
		return fmt.Errorf("got owner %+v, want %+v", owner, want.Owner)
	}
	if len(xattrs)+len(want.Xattrs) > 0 && !reflect.DeepEqual(fmt.Sprint(xattrs), fmt.Sprint(want.Xattrs)) {
		return fmt.Errorf("got xattrs %v, want %v", xattrs, want.Xattrs)
	}
	switch want.Mode.Type() {
	case fs.ModeSymlink:
		if target, err := fs.ReadLink(got, name); err != nil || target != want.Target {
			return fmt.Errorf("got target %q (%v), want %q", target, err, want.Target)
		}
	case 0:
		b, err := fs.ReadFile(got, name)
		if err != nil {
			return err
		}
		if content, err := want.Content(); err != nil || !bytes.Equal(b, content) {
			return fmt.Errorf("got %d bytes that are not the %d (%v) written", len(b), len(content), err)
		}
	}
	return nil
}

// compareByDebugfs lets e2fsprogs read the tree.
func compareByDebugfs(t *testing.T, image string, want *tree.Tree) {
	t.Helper()
	out := t.TempDir()
	var requests, expected []string
	for i, n := range want.Nodes() {
		name := "/" + n.Path
		for n.HardLink != "" {
			n, _ = want.Get(n.HardLink)
		}
		requests = append(requests, "stat "+name)
		expected = append(expected, fmt.Sprintf("Mode:  0%o", n.UnixMode()&0o7777), fmt.Sprintf("User: %5d   Group: %5d", int32(n.Owner.UID), int32(n.Owner.GID)),
			fmt.Sprintf("mtime: 0x%08x", uint32(n.ModTime.Unix())))
		if n.Mode.Type() == fs.ModeSymlink && len(n.Target) < 60 {
			expected = append(expected, fmt.Sprintf("Fast link dest: %q", n.Target))
		}
		if n.Mode.IsRegular() {
			requests = append(requests, fmt.Sprintf("dump %s %s/%d", name, out, i))
		}
		for attr, value := range n.Xattrs {
			requests = append(requests, fmt.Sprintf("ea_get -f %s/%d.%s %s %s", out, i, attr, name, attr))
			if strings.HasPrefix(attr, "system.posix_acl") {
				// Where the kernel says that an entry has no id, e2fsprogs says 0.
				value = bytes.ReplaceAll(value, []byte{0xff, 0xff, 0xff, 0xff}, make([]byte, 4))
			}
			defer func() { expectFile(t, fmt.Sprintf("%s/%d.%s", out, i, attr), value) }()
		}
	}
	said := debugfs(t, image, requests...)
	rest := said
	for _, line := range expected {
		_, after, ok := strings.Cut(rest, line)
		if !ok {
			t.Fatalf("debugfs does not say %q in its place:\n%s", line, rest)
		}
		rest = after
	}
	for i, n := range want.Nodes() {
		for n.HardLink != "" {
			n, _ = want.Get(n.HardLink)
		}
		if n.Mode.IsRegular() {
			content, _ := n.Content()
			expectFile(t, fmt.Sprintf("%s/%d", out, i), content)
		}
	}
}

func expectFile(t *testing.T, name string, want []byte) {
	t.Helper()
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
		t.Errorf("debugfs read %d bytes (%v) for %s, not the %d written", len(got), err, filepath.Base(name), len(want))
	}
}

// TestCompareCanFail holds the comparison itself against what is not the same.
func TestCompareCanFail(t *testing.T) {
	read := lay(t, makeImage(t, format{}), file("a", "one"), symlink("l", "a"))
	other := file("a", "one")
	other.Owner.UID = 1
	for _, n := range []tree.Node{file("a", "two"), other, symlink("l", "b"), file("b", "one"), dir("a")} {
		if compareNode(read.FS(), n.Path, n) == nil {
			t.Errorf("%+v is said to be there", n)
		}
	}
}

func TestDeterminism(t *testing.T) {
	var sums [2][32]byte
	for i := range sums {
		image := makeImage(t, format{size: 256 * mib})
		nodes := allKinds()
		if i == 1 {
			// The order in which a tree was put together does not count.
			rand.New(rand.NewPCG(1, 2)).Shuffle(len(nodes), func(a, b int) { nodes[a], nodes[b] = nodes[b], nodes[a] })
		}
		lay(t, image, nodes...)
		h := sha256.New()
		if _, err := io.Copy(h, openImage(t, image)); err != nil {
			t.Fatal(err)
		}
		sums[i] = [32]byte(h.Sum(nil))
	}
	if sums[0] != sums[1] {
		t.Error("the same tree gave different images")
	}
}
