package ext4_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/media/ext4"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// bigRoot gives a tree like a distribution's root: 20,000 files in 2,000 directories and some 500 MB, of which a few
// files are large.
func bigRoot() []tree.Node {
	content := pattern(mib)
	sized := func(p string, n int) tree.Node { return tree.File(p, 0o644, epoch(), content[:n], "test") }
	nodes := []tree.Node{dir("."), dir("etc"), dir("usr"), dir("usr/bin"), dir("usr/share"), symlink("bin", "usr/bin"), dir("var"), dir("var/lib")}
	for i := range 1000 {
		nodes = append(nodes, sized(fmt.Sprintf("usr/bin/program-%d", i), i*37%65536))
	}
	for i := range 60 {
		nodes = append(nodes, dir(fmt.Sprintf("etc/conf-%d.d", i)), sized(fmt.Sprintf("etc/conf-%d.d/default.conf", i), 100))
	}
	for i := range 1900 {
		d := fmt.Sprintf("usr/share/package-%d", i)
		nodes = append(nodes, dir(d))
		for j := range 10 {
			nodes = append(nodes, sized(fmt.Sprintf("%s/part-%d", d, j), (i*131+j*7919)%24000))
		}
	}
	for i := range 5 {
		nodes = append(nodes, repeated(fmt.Sprintf("var/lib/image-%d", i), content, 50))
	}
	return nodes
}

// repeated gives a file of n times the content.
func repeated(p string, content []byte, n int) tree.Node {
	return tree.Node{Path: p, Mode: 0o644, ModTime: epoch(), Size: int64(n * len(content)), Open: func() (io.ReadCloser, error) {
		readers := make([]io.Reader, n)
		for i := range readers {
			readers[i] = bytes.NewReader(content)
		}
		return io.NopCloser(io.MultiReader(readers...)), nil
	}}
}

// payload gives what one machine adds to a root: some forty files in a dozen directories.
func payload() []tree.Node {
	nodes := []tree.Node{dir("etc"), file("etc/hostname", "node1\n"), file("etc/machine-id", "0123\n"), file("usr/bin/program-7", "replaced")}
	for i := range 10 {
		d := fmt.Sprintf("etc/conf-%d.d", i*6)
		nodes = append(nodes, dir(d), patternFile(d+"/10-node.conf", 300), patternFile(d+"/20-node.conf", 2500))
	}
	nodes = append(nodes, dir("etc/etcd"), dir("etc/etcd/pki"), dir("var/lib/etcd"))
	for i := range 10 {
		nodes = append(nodes, patternFile(fmt.Sprintf("etc/etcd/pki/key-%d.pem", i), 1700), symlink(fmt.Sprintf("etc/etcd/unit-%d", i), "/dev/null"))
	}
	return nodes
}

func TestBigRootAndPayload(t *testing.T) {
	for _, size := range []int64{2 * gib, 20 * gib} {
		image := makeImage(t, format{size: size})
		root := bigRoot()
		read := lay(t, image, root...)
		sample := slices.Collect(func(yield func(tree.Node) bool) {
			for i := 0; i < len(root) && yield(root[i]); i += 97 {
			}
		})
		compare(t, read.FS(), newTree(t, sample...))
		compareByDebugfs(t, image, newTree(t, sample...))

		dev := &tracked{openImage(t, image), map[int64]bool{}}
		f := openFS(t, dev)
		if err := f.Write(newTree(t, payload()...)); err != nil {
			t.Fatal(err)
		}
		if err := f.Flush(); err != nil {
			t.Fatal(err)
		}
		fsck(t, image)
		compare(t, openFS(t, dev).FS(), newTree(t, payload()...))
		t.Logf("%d GiB: the payload wrote to %d clusters", size/gib, len(dev.clusters))
		if len(dev.clusters) >= 25 {
			t.Errorf("%d GiB: %d clusters are written for a payload of forty files", size/gib, len(dev.clusters))
		}
	}
}

func TestFileOfSeveralGiB(t *testing.T) {
	image := makeImage(t, format{size: 6 * gib})
	f := openFS(t, sparse{openImage(t, image)})
	if err := errors.Join(f.Write(newTree(t, repeated("huge", make([]byte, mib), 4500), file("after", "x"))), f.Flush()); err != nil {
		t.Fatal(err)
	}
	fsck(t, image)
	read := openFS(t, openImage(t, image))
	if info, err := fs.Stat(read.FS(), "huge"); err != nil || info.Size() != 4500*mib {
		t.Errorf("got %v (%v)", info, err)
	}
	// Few extents, as long as they can be: a group of 128 MiB has at most one gap.
	if extents := strings.Count(debugfs(t, image, "ex /huge"), "\n"); extents > 120 {
		t.Errorf("the file lies in some %d extents", extents)
	}
}

// TestManyExtents writes into a file system whose free space is all single blocks.
func TestManyExtents(t *testing.T) {
	for _, block := range []int{1024, 4096} {
		image := makeImage(t, format{size: 32 * mib, inodes: 10000, block: block})
		free := int(openFS(t, openImage(t, image)).Usage().FreeBlocks)
		nodes := manyFiles("f", min(9000, free-200), block)
		layOnly(t, image, nodes...)
		layOnly(t, image, patternFile("rest", int(openFS(t, openImage(t, image)).Usage().FreeBlocks-1)*block))
		var holes []tree.Node
		for i := 0; i < len(nodes); i += 2 {
			holes = append(holes, file(nodes[i].Path, ""))
		}
		layOnly(t, image, holes...)
		large := patternFile("large", len(holes)*9/10*block)
		read := lay(t, image, large)
		compare(t, read.FS(), newTree(t, large))
		compareByDebugfs(t, image, newTree(t, large))
		if !strings.Contains(debugfs(t, image, "ex /large"), "1/ ") {
			t.Error("the tree of extents has no depth")
		}
		before := read.Usage()
		if after := lay(t, image, file("large", ""), file("more", "")).Usage(); after.FreeBlocks < before.FreeBlocks+uint64(len(holes)*9/10) {
			t.Errorf("%d blocks are free, before the large file went %d", after.FreeBlocks, before.FreeBlocks)
		}
	}
}

func TestManyNamesInNewDirectory(t *testing.T) {
	image := makeImage(t, format{inodes: 30000})
	nodes := append(manyFiles("d/a-name-of-some-length-", 12000, 0), dir("d"))
	read := lay(t, image, nodes...)
	entries, err := fs.ReadDir(read.FS(), "d")
	if err != nil || len(entries) != 12000 {
		t.Errorf("%d names (%v), want 12000", len(entries), err)
	}
	lay(t, image, manyFiles("d/more-", 3000, 0)...)
	if n := strings.Count(debugfs(t, image, "ls -p /d"), "\n/"); n < 15000 {
		t.Errorf("debugfs finds %d names", n)
	}
}

// TestManyDirectories has more of them in one than a link count can say.
func TestManyDirectories(t *testing.T) {
	nodes := []tree.Node{dir("d")}
	for i := range 65010 {
		nodes = append(nodes, dir(fmt.Sprintf("d/%d", i)))
	}
	image := makeImage(t, format{size: 512 * mib, inodes: 70000})
	read := lay(t, image, nodes...)
	if info, err := fs.Stat(read.FS(), "d"); err != nil || info.Sys().(*ext4.Attr).Links != 1 {
		t.Errorf("got %v (%v), want 1 link for more than can be counted", info, err)
	}
}

func TestGRUBReads(t *testing.T) {
	need(t, "grub-fstest")
	image := makeImage(t, format{})
	lay(t, image, dir("boot"), patternFile("boot/vmlinuz", 5*mib), symlink("boot/latest", "vmlinuz"))
	out := filepath.Join(t.TempDir(), "out")
	run(t, "grub-fstest", image, "cp", "/boot/latest", out)
	expectFile(t, out, pattern(5*mib))
}

func BenchmarkFill(b *testing.B) {
	t := newTree(b, bigRoot()...)
	for b.Loop() {
		b.StopTimer()
		dev := openImage(b, makeImage(b, format{size: 2 * gib}))
		b.StartTimer()
		f := openFS(b, dev)
		if err := f.Write(t); err != nil {
			b.Fatal(err)
		}
		if err := f.Flush(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPayload(b *testing.B) {
	for _, size := range []int64{2 * gib, 20 * gib} {
		b.Run(fmt.Sprintf("%dGiB", size/gib), func(b *testing.B) {
			image := makeImage(b, format{size: size})
			layOnly(b, image, bigRoot()...)
			base, nodes := openImage(b, image), newTree(b, payload()...)
			for b.Loop() {
				f := openFS(b, &overlay{base: base, blocks: map[int64][]byte{}})
				if err := f.Write(nodes); err != nil {
					b.Fatal(err)
				}
				if err := f.Flush(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
