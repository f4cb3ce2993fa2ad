package ext4

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// makeNode puts a node that is no hard link where its path says; contents of regular files follow later.
func (w *writer) makeNode(n tree.Node) error {
	in, err := w.place(n)
	if err != nil {
		return err
	}
	if err := w.setMetadata(in, n); err != nil {
		return err
	}
	switch n.Mode.Type() {
	case fs.ModeSymlink:
		return w.writeTarget(in, n.Target)
	case fs.ModeDevice, fs.ModeDevice | fs.ModeCharDevice:
		in.setDevice(n.Major, n.Minor)
	case 0:
		// An empty tree of extents, until the content is there.
		if err := w.setExtents(in, nil, nil); err != nil {
			return err
		}
		if n.Open != nil {
			w.last[in] = len(w.contents)
			w.contents = append(w.contents, pending{in: in, node: n})
		}
	}
	return nil
}

// setMetadata gives an inode what the node says, except for the content.
func (w *writer) setMetadata(in *inode, n tree.Node) error {
	in.put16(iMode, n.UnixMode())
	in.setOwner(uint32(n.Owner.UID), uint32(n.Owner.GID))
	in.setTimes(n.ModTime)
	return w.setXattrs(in, n.Xattrs)
}

// parentOf gives the directory that a path is in.
func (w *writer) parentOf(p string) (*dir, error) {
	in, err := w.resolve(path.Dir(p), true)
	if err == nil && !in.isDir() {
		err = errNotDir
	}
	if err != nil {
		return nil, fmt.Errorf("its parent %s: %w", path.Dir(p), err)
	}
	return w.dir(in)
}

// place gives the inode that is to be the node: the directory that exists, an inode that is used again, or a new one.
func (w *writer) place(n tree.Node) (*inode, error) {
	if n.Path == "." {
		return w.inode(rootInode)
	}
	parent, err := w.parentOf(n.Path)
	if err != nil {
		return nil, err
	}
	name := path.Base(n.Path)
	e, ok := parent.names[name]
	if !ok {
		return w.newNode(parent, name, n)
	}
	in, err := w.child(parent, e)
	if err != nil {
		return nil, err
	}
	if n.Mode.IsDir() {
		if there, err := w.existingDir(in, n.Path); there != nil || err != nil {
			return there, err
		}
	}
	if !in.isDir() && !n.Mode.IsDir() && in.links() == 1 && in.kind() == n.UnixMode()&typeMask {
		return in, w.reuse(in)
	}
	if err := w.remove(parent, name, in); err != nil {
		return nil, err
	}
	return w.newNode(parent, name, n)
}

// existingDir gives the directory that stands where a node wants one, or that a link there leads to; nil is none.
func (w *writer) existingDir(in *inode, p string) (*inode, error) {
	if in.isSymlink() {
		end, err := w.resolve(p, true)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotDir) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		in = end
	}
	if !in.isDir() {
		return nil, nil
	}
	return in, nil
}

// reuse empties the inode of a file with one name, which the next file takes over with the name.
func (w *writer) reuse(in *inode) error {
	if err := w.releaseContent(in); err != nil {
		return err
	}
	in.reset(in.mode())
	in.setLinks(1)
	return nil
}

// newNode makes a new inode and gives it its name.
func (w *writer) newNode(parent *dir, name string, n tree.Node) (*inode, error) {
	in, err := w.newInode(n.UnixMode())
	if err != nil {
		return nil, err
	}
	in.setLinks(1)
	if n.Mode.IsDir() {
		if _, err := w.newDir(in, parent.in.num, max(1, w.dirSizes[n.Path])); err != nil {
			return nil, err
		}
		if err := w.addSubdir(parent.in); err != nil {
			return nil, err
		}
	}
	return in, w.addName(parent, name, in)
}

// addSubdir counts the name ".." of a new directory. With dir_nlink one link stands for more than can be counted.
func (f *FS) addSubdir(in *inode) error {
	switch n := in.links(); {
	case n == 1:
	case n < maxLinks:
		in.setLinks(n + 1)
	case f.geo.roCompat&roCompatDirNlink == 0:
		return &UnsupportedError{Features: []string{fmt.Sprintf("^dir_nlink, but a directory has more than %d others in it", maxLinks-2)}}
	default:
		in.setLinks(1)
	}
	return nil
}

// remove takes a name away, and what it stands for when that has no other.
func (f *FS) remove(parent *dir, name string, in *inode) error {
	if in.isDir() {
		if err := f.removeContents(in); err != nil {
			return err
		}
		if n := parent.in.links(); n > 2 {
			parent.in.setLinks(n - 1)
		}
		in.setLinks(1)
		delete(f.dirs, in.num)
	}
	if err := f.removeName(parent, name); err != nil {
		return err
	}
	if n := in.links(); n > 1 {
		in.setLinks(n - 1)
		return nil
	}
	if err := f.releaseContent(in); err != nil {
		return err
	}
	return f.freeInode(in)
}

// removeContents takes everything out of a directory.
func (f *FS) removeContents(in *inode) error {
	d, err := f.dir(in)
	if err != nil {
		return err
	}
	for _, name := range sortedNames(d) {
		child, err := f.child(d, d.names[name])
		if err != nil {
			return err
		}
		if err := f.remove(d, name, child); err != nil {
			return err
		}
	}
	return nil
}

// makeHardLink gives another name to what the target is in the end.
func (w *writer) makeHardLink(n tree.Node) error {
	target, err := w.resolve(w.hardLinkEnd(n.HardLink), false)
	if err != nil {
		return fmt.Errorf("hard link to %s: %w", n.HardLink, err)
	}
	if target.isDir() {
		return fmt.Errorf("hard link to %s, which is a directory", n.HardLink)
	}
	parent, err := w.parentOf(n.Path)
	if err != nil {
		return err
	}
	name := path.Base(n.Path)
	if e, ok := parent.names[name]; ok {
		if e.ino == target.num {
			return nil
		}
		old, err := w.child(parent, e)
		if err != nil {
			return err
		}
		if err := w.remove(parent, name, old); err != nil {
			return err
		}
	}
	if target.links() >= maxLinks {
		return fmt.Errorf("hard link to %s, which has %d names already", n.HardLink, target.links())
	}
	target.setLinks(target.links() + 1)
	return w.addName(parent, name, target)
}

// hardLinkEnd follows hard links of the tree to the node that is none. The check of the tree has found no circle.
func (w *writer) hardLinkEnd(p string) string {
	for {
		next, ok := w.links[p]
		if !ok {
			return p
		}
		p = next
	}
}
