package ext4_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/media/ext4"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

func TestReplace(t *testing.T) {
	described := file("x", "described")
	described.Xattrs = map[string][]byte{"user.long": pattern(1000)}
	device := tree.Node{Path: "x", Mode: fs.ModeDevice | 0o600, ModTime: epoch(), Major: 8}
	kinds := map[string][]tree.Node{
		"file": {patternFile("x", 100_000)}, "empty file": {file("x", "")}, "described file": {described}, "link": {symlink("x", "other")},
		"long link": {symlink("x", strings.Repeat("z", 2000))}, "device": {device}, "empty directory": {dir("x")},
		"directory": {dir("x"), dir("x/y"), dir("x/y/z"), patternFile("x/y/z/f", 9000), file("x/g", "g"), hardLink("x/h", "x/g")},
		"hard link": {hardLink("x", "other")},
	}
	for was, old := range kinds {
		image := makeImage(t, format{})
		empty := layOnly(t, image, file("other", "o")).Usage()
		for is, nodes := range kinds {
			lay(t, image, old...)
			read := lay(t, image, nodes...)
			if fail := compareNode(read.FS(), "x", nodes[0]); nodes[0].HardLink == "" && fail != nil {
				t.Errorf("%s over %s: %v", is, was, fail)
			}
			// With nothing there in the end, all is free again that was free before.
			if after := lay(t, image, file("x", "")).Usage(); after.FreeBlocks != empty.FreeBlocks {
				t.Errorf("%s over %s: %d blocks are free, were %d", is, was, after.FreeBlocks, empty.FreeBlocks)
			}
		}
	}
}

func TestReplaceOneOfTwoNames(t *testing.T) {
	image := makeImage(t, format{})
	lay(t, image, file("a", "old"), hardLink("b", "a"))
	read := lay(t, image, file("a", "new"))
	for name, want := range map[string]string{"a": "new", "b": "old"} {
		if b, err := fs.ReadFile(read.FS(), name); err != nil || string(b) != want {
			t.Errorf("%s has %q (%v), want %q", name, b, err, want)
		}
	}
	for _, name := range []string{"a", "b"} {
		if info, err := fs.Stat(read.FS(), name); err != nil || info.Sys().(*ext4.Attr).Links != 1 {
			t.Errorf("%s: %v (%v), want one link", name, info, err)
		}
	}
}

func TestExistingDirectoryKeepsContents(t *testing.T) {
	image := makeImage(t, format{})
	lay(t, image, dir("d"), file("d/a", "a"))
	changed := dir("d")
	changed.Mode, changed.Owner = fs.ModeDir|fs.ModeSetgid|0o770, tree.Owner{UID: 5, GID: 6}
	changed.Xattrs = map[string][]byte{"user.x": []byte("y")}
	root := dir(".")
	root.Mode = fs.ModeDir | 0o711
	want := []tree.Node{root, changed, file("d/a", "a"), file("d/b", "b")}
	compare(t, lay(t, image, root, changed, file("d/b", "b")).FS(), newTree(t, want...))
}

func TestLinksOnTheWay(t *testing.T) {
	image := makeImage(t, format{})
	lay(t, image, dir("usr"), dir("usr/lib"), symlink("lib", "usr/lib"), symlink("abs", "/usr"), symlink("up", "../../../usr/lib"), symlink("dead", "missing"))
	moved := dir("lib")
	moved.Mode = fs.ModeDir | 0o700
	read := lay(t, image, moved, dir("lib/systemd"), file("lib/systemd/a", "1"), file("abs/b", "2"), file("up/c", "3"), dir("dead"),
		symlink("new", "usr"), dir("new/d"), file("new/d/e", "4"))
	want := newTree(t, symlink("lib", "usr/lib"), tree.Dir("usr/lib", 0o700, epoch(), ""), file("usr/lib/systemd/a", "1"), file("usr/b", "2"),
		file("usr/lib/c", "3"), dir("dead"), file("usr/d/e", "4"))
	compare(t, read.FS(), want)
}

// TestTwoPathsToOneName has a tree that says the same name twice, by way of a link.
func TestTwoPathsToOneName(t *testing.T) {
	for name, last := range map[string][]tree.Node{
		"file": {patternFile("usr/lib/x", 10_000)}, "hard link": {hardLink("usr/lib/x", "y"), patternFile("y", 10_000)},
	} {
		image := makeImage(t, format{})
		lay(t, image, dir("usr"), dir("usr/lib"), symlink("lib", "usr/lib"))
		read := lay(t, image, append(last, patternFile("lib/x", 50_000))...)
		if info, err := fs.Stat(read.FS(), "usr/lib/x"); err != nil || info.Size() != 10_000 {
			t.Errorf("%s: got %v (%v), want the later one", name, info, err)
		}
	}
}

func TestRefusedTrees(t *testing.T) {
	named := file("named", "")
	named.Owner.User = "somebody"
	negative := file("negative", "")
	negative.Owner.UID = -1
	short, long := file("short", "abc"), file("long", "abc")
	short.Size, long.Size = 4, 2
	broken := file("broken", "abc")
	broken.Open = func() (io.ReadCloser, error) { return nil, errors.New("no such content") }
	odd := file("odd", "")
	odd.Xattrs = map[string][]byte{"odd.name": nil}
	acl := file("acl", "")
	acl.Xattrs = map[string][]byte{"system.posix_acl_access": []byte("no list")}
	huge := file("huge", "")
	huge.Xattrs = map[string][]byte{"user.huge": make([]byte, 5000)}
	for want, nodes := range map[string][]tree.Node{
		"its parent missing":   {file("missing/x", "")},
		"its parent f":         {file("f", ""), file("f/x", "")},
		"a name, not a number": {named}, "no number of a user": {negative},
		"short": {short}, "more than the announced": {long}, "no such content": {broken},
		"no place for such a name": {odd}, "no access control list": {acl}, "do not fit into a block": {huge},
		"leads back to itself": {hardLink("a", "b"), hardLink("b", "a")},
		"hard link to missing": {hardLink("a", "missing")}, "hard link to d": {dir("d"), hardLink("a", "d")},
		"the target":    {symlink("l", strings.Repeat("x", 4096))},
		"the name has":  {file(strings.Repeat("n", 256), "")},
		"without cont":  {{Path: "w", Size: 1, ModTime: epoch()}},
		"is out of ran": {{Path: "d", Mode: fs.ModeDevice, Major: 4096, ModTime: epoch()}},
	} {
		image := makeImage(t, format{})
		f := openFS(t, openImage(t, image))
		err := f.Write(newTree(t, nodes...))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), nodes[len(nodes)-1].Path) {
			t.Errorf("got %v, want %q", err, want)
		}
		if f.Flush() == nil || f.Write(newTree(t)) == nil {
			t.Errorf("%s: a failed write is followed by another, or flushed", want)
		}
		fsck(t, image)
	}
}

func TestNoSpace(t *testing.T) {
	for _, c := range []struct {
		format format
		nodes  func() []tree.Node
		want   string
	}{
		{format{}, func() []tree.Node { return []tree.Node{patternFile("large", 70*mib)} }, "17920 blocks of 4096 bytes are needed, 14319 of 16384 are free; the whole tree has 1 inodes and needs 17920"},
		{format{inodes: 32}, func() []tree.Node { return manyFiles("f", 64, 0) }, "an inode is needed"},
		{format{inodes: 65536}, func() []tree.Node { return manyFiles("f", 16000, 4096) }, "are free"},
	} {
		image := makeImage(t, c.format)
		f := openFS(t, openImage(t, image))
		err := f.Write(newTree(t, c.nodes()...))
		if !errors.Is(err, ext4.ErrNoSpace) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
		fsck(t, image)
	}
}

func TestFilledToTheBrim(t *testing.T) {
	image := makeImage(t, format{size: 16 * mib})
	free := openFS(t, openImage(t, image)).Usage().FreeBlocks
	read := lay(t, image, patternFile("all", int(free)*4096))
	if left := read.Usage().FreeBlocks; left != 0 {
		t.Errorf("%d blocks are left", left)
	}
}

// manyFiles gives n files of that many bytes in the root.
func manyFiles(prefix string, n, size int) []tree.Node {
	content := pattern(size)
	nodes := make([]tree.Node, n)
	for i := range nodes {
		nodes[i] = tree.File(fmt.Sprintf("%s%05d", prefix, i), 0o644, epoch(), content, "test")
	}
	return nodes
}
