package payload

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/coreos/ignition/v2/config/util"
	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// Default permissions of the Ignition specification 3.4 for new files and directories that state none.
const (
	defaultFileMode = 0o644
	defaultDirMode  = 0o755
)

var errInTheWay = errors.New("something is there already; set overwrite: true to replace it")

func (r *rootfs) directories(cfg types.Config) error {
	for _, d := range cfg.Storage.Directories {
		n, there, err := r.at(d.Path)
		switch {
		case err != nil:
		case there && util.IsTrue(d.Overwrite):
			// Only Ignition itself could empty it first.
			err = errors.New("a directory can not replace what is there already; leave overwrite out")
		case there && !n.Mode.IsDir():
			err = errors.New("what is there already is no directory")
		case !there:
			n = tree.Dir(rel(d.Path), defaultDirMode, r.modTime, origin)
		}
		if err != nil {
			return fmt.Errorf("directory %s: %w", d.Path, err)
		}
		if err := r.addNode(n, d.Node, d.Mode); err != nil {
			return err
		}
	}
	return nil
}

// files makes the config's files. One without contents changes the mode and the owner of a file that is there, and
// appends to it, or is new and empty.
func (r *rootfs) files(cfg types.Config) error {
	for _, f := range cfg.Storage.Files {
		n, err := r.file(f)
		if err != nil {
			return fmt.Errorf("file %s: %w", f.Path, err)
		}
		if err := r.addNode(n, f.Node, f.Mode); err != nil {
			return err
		}
	}
	return nil
}

func (r *rootfs) file(f types.File) (tree.Node, error) {
	n, there, err := r.at(f.Path)
	var content []byte
	switch {
	case err != nil:
		return n, err
	case !there || util.IsTrue(f.Overwrite):
		n = tree.File(rel(f.Path), defaultFileMode, r.modTime, nil, origin)
	case !n.Mode.IsRegular():
		return n, errors.New("what is there already is no regular file; set overwrite: true to replace it")
	case f.Contents.Source != nil:
		return n, errInTheWay
	default:
		if content, err = n.Content(); err != nil {
			return n, err
		}
	}
	if f.Contents.Source != nil {
		if content, err = resource(f.Contents); err != nil {
			return n, err
		}
	}
	for _, a := range f.Append {
		b, err := resource(a)
		if err != nil {
			return n, err
		}
		content = append(content, b...)
	}
	return withContent(n, content), nil
}

// withContent gives the regular file with other content.
func withContent(n tree.Node, content []byte) tree.Node {
	f := tree.File(n.Path, 0, n.ModTime, content, n.Origin)
	n.Size, n.Open = f.Size, f.Open
	return n
}

func (r *rootfs) links(cfg types.Config) error {
	for _, l := range cfg.Storage.Links {
		old, there, err := r.at(l.Path)
		target := str(l.Target)
		switch hard := util.IsTrue(l.Hard); {
		case err != nil:
		case there && !util.IsTrue(l.Overwrite):
			if !hard && old.Mode.Type() == fs.ModeSymlink && path.Clean(old.Target) == path.Clean(target) {
				continue
			}
			err = errInTheWay
		case hard:
			err = r.add(tree.Node{Path: rel(l.Path), HardLink: rel(target), ModTime: r.modTime, Origin: origin})
		default:
			err = r.addNode(tree.Symlink(rel(l.Path), target, r.modTime, origin), l.Node, nil)
		}
		if err != nil {
			return fmt.Errorf("link %s: %w", l.Path, err)
		}
	}
	return nil
}

// addNode adds a node with the mode and the owner that the config gives it, and else with those that it has.
func (r *rootfs) addNode(n tree.Node, spec types.Node, mode *int) error {
	if mode != nil {
		n.Mode = n.Mode.Type() | permissions(*mode)
	}
	owner := n.Owner
	switch {
	case spec.User.ID != nil:
		owner.User, owner.UID = "", *spec.User.ID
	case str(spec.User.Name) != "":
		owner.User = *spec.User.Name
	}
	switch {
	case spec.Group.ID != nil:
		owner.Group, owner.GID = "", *spec.Group.ID
	case str(spec.Group.Name) != "":
		owner.Group = *spec.Group.Name
	}
	var err error
	if n.Owner, err = r.accounts.resolve(owner); err != nil {
		return fmt.Errorf("%s: %w", spec.Path, err)
	}
	return r.add(n)
}

// add puts a node into the tree, and takes out what the tree holds below it if it is no directory.
func (r *rootfs) add(n tree.Node) error {
	if !n.Mode.IsDir() {
		r.out.Remove(n.Path)
	}
	return r.out.Add(n)
}

// permissions gives the permission bits of chmod(2) in the form of package io/fs.
func permissions(mode int) fs.FileMode {
	perm := fs.FileMode(mode & 0o777)
	for _, bit := range []struct {
		unix int
		flag fs.FileMode
	}{{0o4000, fs.ModeSetuid}, {0o2000, fs.ModeSetgid}, {0o1000, fs.ModeSticky}} {
		if mode&bit.unix != 0 {
			perm |= bit.flag
		}
	}
	return perm
}
