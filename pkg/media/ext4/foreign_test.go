package ext4_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/media/ext4"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// TestRootMadeByMkfs lays a machine's files over a root that mkfs.ext4 filled and e2fsck gave indexes.
func TestRootMadeByMkfs(t *testing.T) {
	root := t.TempDir()
	for i := range 40 {
		d := filepath.Join(root, "etc", fmt.Sprintf("conf-%d.d", i))
		if i == 0 {
			d = filepath.Join(root, "usr", "bin")
		}
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		for j := range 15 + 400*max(0, 1-i) {
			if err := os.WriteFile(filepath.Join(d, fmt.Sprintf("program-%d", j)), pattern(j*97), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "var", "lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	image := makeImage(t, format{size: gib, dir: root})
	run(t, "sh", "-c", "e2fsck -fyD "+image+" || test $? = 1")
	want := append(payload(), tree.File("usr/bin/added", 0o755, epoch(), pattern(100_000), "test"))
	read := lay(t, image, want...)
	compare(t, read.FS(), newTree(t, want...))
	compareByDebugfs(t, image, newTree(t, want...))
	if b, err := fs.ReadFile(read.FS(), "usr/bin/program-400"); err != nil || !bytes.Equal(b, pattern(400*97)) {
		t.Errorf("a file of the root is %d bytes (%v), and no longer what it was", len(b), err)
	}
}

// TestSharedXattrs replaces one of two files that share a block of attributes, as the kernel lets them.
func TestSharedXattrs(t *testing.T) {
	image := makeImage(t, format{features: without("metadata_csum")})
	described := file("a", "a")
	described.Xattrs = map[string][]byte{"user.long": pattern(1000)}
	lay(t, image, described, file("b", ""))
	found := regexp.MustCompile(`File ACL: (\d+)`).FindStringSubmatch(debugfs(t, image, "stat /a"))
	block, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openImage(t, image).WriteAt([]byte{2}, block*4096+4); err != nil {
		t.Fatal(err)
	}
	changeImage(t, image, "sif /b file_acl "+found[1], "sif /b blocks 8")
	fsck(t, image)

	read := lay(t, image, file("a", "a"))
	if info, err := fs.Stat(read.FS(), "b"); err != nil || !bytes.Equal(info.Sys().(*ext4.Attr).Xattrs["user.long"], pattern(1000)) {
		t.Errorf("b lost its attributes: %v (%v)", info, err)
	}
	before := read.Usage().FreeBlocks
	if after := lay(t, image, file("b", "")).Usage().FreeBlocks; after != before+1 {
		t.Errorf("%d blocks are free after %d", after, before)
	}
}

// TestUninitialisedTables writes where mkfs.ext4 left the inode tables for the kernel to initialise later, with whatever
// the disk held before.
func TestUninitialisedTables(t *testing.T) {
	need(t, "mkfs.ext4", "e2fsck")
	image := filepath.Join(t.TempDir(), "root.img")
	if err := os.WriteFile(image, bytes.Repeat([]byte{0xA5}, 256*mib), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "mkfs.ext4", "-q", "-F", "-O", "none,"+features, "-b", "4096", "-N", "8192",
		"-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1,hash_seed="+hashSeed, "-U", uuid, image)
	nodes := []tree.Node{dir("d"), patternFile("d/large", 150*mib)}
	for i := range 6000 {
		nodes = append(nodes, file(fmt.Sprintf("d/%d", i), "x"))
	}
	read := lay(t, image, nodes...)
	compare(t, read.FS(), newTree(t, nodes[0], nodes[1], nodes[6001]))
}

// TestSystemBlocksAreNotGivenAway has a bitmap that says that the inode table is free.
func TestSystemBlocksAreNotGivenAway(t *testing.T) {
	b := smallImage(t)
	sb := b[1024:2048]
	desc := b[2048:]
	table, bitmap := binary.LittleEndian.Uint32(desc[8:]), binary.LittleEndian.Uint32(desc)
	b[int(bitmap)*1024+int(table-1)/8] &^= 1 << ((table - 1) % 8)
	desc[0xC]++
	sb[0xC]++
	f := openFS(t, &inMemory{b})
	all := patternFile("all", int(f.Usage().FreeBlocks)*1024)
	if err := f.Write(newTree(t, all)); !errors.Is(err, ext4.ErrCorrupt) {
		t.Errorf("got %v, want a refusal to give the inode table to a file", err)
	}
}
