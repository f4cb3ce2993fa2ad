package ext4

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// Write lays the tree over the file system.
//
// A directory that exists gets the metadata of its node and keeps its contents. Anything else that exists is replaced,
// a directory with all that is in it. The parent of a path has to exist, in the file system or the tree. Symbolic links
// in the file system are followed on the way to a path, never above the root, and so is one that stands where the tree
// has a directory and that leads to one. The extended attributes of a node are all that its inode has then; all its
// times are the node's. The target of a hard link is looked for in the finished file system.
//
// Owners have to be numbers. After an error the device holds no consistent file system, and Flush refuses to work.
func (f *FS) Write(t *tree.Tree) error {
	if f.broken != nil {
		return fmt.Errorf("write ext4: an earlier write failed: %w", f.broken)
	}
	w := &writer{FS: f, nodes: t.Nodes(), last: map[*inode]int{}}
	for _, step := range []func() error{w.check, w.aim, w.makeDirs, w.makeFiles, w.makeHardLinks, w.copyContents} {
		if err := step(); err != nil {
			if errors.Is(err, ErrNoSpace) {
				err = fmt.Errorf("%w; the whole tree has %d inodes and needs %d blocks or more", err, w.inodeCount, w.blockCount)
			}
			return fmt.Errorf("write ext4: %w", f.fail(err))
		}
	}
	return nil
}

// writer lays one tree over a file system. All directories are made first, then all other inodes, then contents are
// copied. Of a finished root the blocks with directories and inodes so lie close together, and a small tree that is laid
// over it later changes few places.
type writer struct {
	*FS
	nodes []tree.Node
	// links are the hard links of the tree: what they lead to, by path.
	links map[string]string
	// inodeCount and blockCount are what the tree needs, if nothing of it is there yet.
	inodeCount int
	blockCount int64
	// dirSizes is how many blocks the names below a path of the tree need.
	dirSizes map[string]int
	// contents are the files whose content is to be copied, in the order of the tree, and last is the place of each
	// inode there. Two paths can lead to one name, through links; then the one that comes later counts.
	contents []pending
	last     map[*inode]int
}

type pending struct {
	in   *inode
	node tree.Node
}

// aim measures the tree, and moves to where it fits without gaps.
func (w *writer) aim() error {
	w.dirSizes = w.measureDirs()
	for _, n := range w.nodes {
		if n.HardLink != "" {
			continue
		}
		w.inodeCount++
		switch n.Mode.Type() {
		case fs.ModeDir:
			w.blockCount += int64(max(1, w.dirSizes[n.Path]))
		case 0:
			w.blockCount += w.blocksFor(n.Size)
		}
	}
	w.aimInodes(w.inodeCount)
	return w.FS.aim(int(min(w.blockCount, aimBlocks)))
}

// measureDirs counts the blocks that the names below each path fill, put in one after the other.
func (w *writer) measureDirs() map[string]int {
	type fill struct{ blocks, used int }
	fills := map[string]fill{}
	for _, n := range w.nodes {
		if n.Path == "." {
			continue
		}
		parent, name := path.Split(n.Path)
		parent = path.Clean(parent)
		at, ok := fills[parent]
		if !ok {
			at = fill{blocks: 1, used: 2 * minDirent}
		}
		at.used += direntSize(name)
		if at.used > w.dirUsable() {
			at = fill{blocks: at.blocks + 1, used: direntSize(name)}
		}
		fills[parent] = at
	}
	sizes := make(map[string]int, len(fills))
	for p, at := range fills {
		sizes[p] = at.blocks
	}
	return sizes
}

// makeDirs makes the directories, and the links on the way to them.
func (w *writer) makeDirs() error { return w.makeNodes(true) }

func (w *writer) makeFiles() error { return w.makeNodes(false) }

func (w *writer) makeNodes(ways bool) error {
	for i, n := range w.nodes {
		if n.HardLink != "" || w.isWay(i) != ways {
			continue
		}
		if err := w.makeNode(n); err != nil {
			return fmt.Errorf("%s: %w", n.Path, err)
		}
	}
	return nil
}

// isWay tells whether the i-th node is a directory, or a link with nodes below it.
func (w *writer) isWay(i int) bool {
	n := w.nodes[i]
	if n.Mode.IsDir() {
		return true
	}
	return n.Mode.Type() == fs.ModeSymlink && i+1 < len(w.nodes) && strings.HasPrefix(w.nodes[i+1].Path, n.Path+"/")
}

// makeHardLinks gives the other names to files, once all files are there. A link may lead to a node that is a link
// itself, and comes later.
func (w *writer) makeHardLinks() error {
	for _, n := range w.nodes {
		if n.HardLink == "" {
			continue
		}
		if err := w.makeHardLink(n); err != nil {
			return fmt.Errorf("%s: %w", n.Path, err)
		}
	}
	return nil
}

// copyContents fills the files.
func (w *writer) copyContents() error {
	for i, p := range w.contents {
		if w.last[p.in] != i || w.inodes[p.in.num] != p.in {
			continue
		}
		if err := w.writeContent(p.in, p.node); err != nil {
			return fmt.Errorf("%s: %w", p.node.Path, err)
		}
	}
	return nil
}
