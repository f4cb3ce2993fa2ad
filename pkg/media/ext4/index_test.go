package ext4_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// indexedImage makes a file system in which the directory d has n files and an index, made by e2fsck.
func indexedImage(t *testing.T, f format, hash string, unsigned bool, n int) string {
	t.Helper()
	image := makeImage(t, f)
	nodes := []tree.Node{dir("d")}
	for i := range n {
		nodes = append(nodes, file("d/"+longName("old", i), ""))
	}
	layOnly(t, image, nodes...)
	run(t, "tune2fs", "-E", "hash_alg="+hash, image)
	if unsigned {
		changeImage(t, image, "ssv flags 2")
	}
	run(t, "sh", "-c", "e2fsck -fyD "+image+" || test $? = 1")
	if !isIndexed(t, image) {
		t.Fatal("e2fsck made no index")
	}
	return image
}

// longName has bytes above 127, of which signed and unsigned hashes think differently, and every length modulo 32.
func longName(prefix string, i int) string {
	return fmt.Sprintf("%s-ä%05dß%s", prefix, i*7919%100_000, strings.Repeat("x", i%40))
}

func isIndexed(t *testing.T, image string) bool {
	t.Helper()
	return strings.Contains(debugfs(t, image, "stat /d"), "Flags: 0x81000")
}

func TestAddToIndex(t *testing.T) {
	for _, c := range []struct {
		format   format
		hash     string
		unsigned bool
	}{
		{format{}, "half_md4", false},
		{format{}, "half_md4", true},
		{format{}, "tea", false},
		{format{}, "tea", true},
		{format{}, "legacy", false},
		{format{}, "legacy", true},
		{format{features: without("metadata_csum")}, "half_md4", false},
		{format{block: 2048}, "half_md4", false},
	} {
		t.Run(fmt.Sprintf("%v %s %v", c.format, c.hash, c.unsigned), func(t *testing.T) {
			c.format.inodes = 16000
			image := indexedImage(t, c.format, c.hash, c.unsigned, 1000)
			// One name goes into its place; then thousands split nearly every block.
			lay(t, image, file("d/one", "1"))
			var nodes []tree.Node
			for i := range 5000 {
				nodes = append(nodes, file("d/"+longName("new", i), ""))
			}
			read := lay(t, image, nodes...)
			if !isIndexed(t, image) {
				t.Error("the index is lost")
			}
			compare(t, read.FS(), newTree(t, nodes...))
			// e2fsprogs looks these up by the index.
			for _, n := range []tree.Node{nodes[0], nodes[2500], file("d/one", "1")} {
				if said := debugfs(t, image, "stat /"+n.Path); !strings.Contains(said, "Type: regular") {
					t.Errorf("debugfs does not find %s: %s", n.Path, said)
				}
			}
		})
	}
}

// TestIndexIsFull adds more names than an index of blocks of 1 KiB can lead to.
func TestIndexIsFull(t *testing.T) {
	for _, features := range []string{features, without("metadata_csum")} {
		image := indexedImage(t, format{size: 128 * mib, block: 1024, inodes: 70000, features: features}, "half_md4", false, 500)
		var nodes []tree.Node
		for i := range 20000 {
			nodes = append(nodes, file("d/"+longName("new", i)+strings.Repeat("y", 150), ""))
		}
		read := lay(t, image, nodes...)
		if isIndexed(t, image) {
			t.Error("the index holds more than it can")
		}
		entries, err := fs.ReadDir(read.FS(), "d")
		if err != nil || len(entries) != 20500 {
			t.Errorf("%d names (%v), want 20500", len(entries), err)
		}
	}
}

// TestDeepIndex begins with an index of two levels.
func TestDeepIndex(t *testing.T) {
	image := indexedImage(t, format{size: 128 * mib, block: 1024, inodes: 40000}, "half_md4", false, 12000)
	if said := debugfs(t, image, "htree_dump /d"); !strings.Contains(said, "Indirect levels: 1") {
		t.Fatalf("the index has one level:\n%.500s", said)
	}
	var nodes []tree.Node
	for i := range 3000 {
		nodes = append(nodes, file("d/"+longName("new", i), ""))
	}
	compare(t, lay(t, image, nodes...).FS(), newTree(t, nodes...))
}

func TestReplaceInIndex(t *testing.T) {
	image := indexedImage(t, format{}, "half_md4", false, 1000)
	want := []tree.Node{file("d/"+longName("old", 5), "new"), symlink("d/"+longName("old", 6), "x"), dir("d/" + longName("old", 7))}
	compare(t, lay(t, image, want...).FS(), newTree(t, want...))
	// The whole directory goes, index and all.
	compare(t, lay(t, image, file("d", "gone")).FS(), newTree(t, file("d", "gone")))
}
