// Package payload turns a machine's Ignition config into what a medium carries. It is pure: what it needs of the base
// image it reads from a value it is given.
package payload

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/coreos/ignition/v2/config/util"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/vincent-petithory/dataurl"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// Default permissions of the Ignition specification 3.4 for files and directories that state none.
const (
	defaultFileMode = 0o644
	defaultDirMode  = 0o755
)

// origin of the nodes that are made here.
const origin = "machine"

// Rootfs gives the files that bring a root filesystem into the state that Ignition would bring it into: files,
// directories, links, units with their enablement, users and groups. All times are modTime.
//
// The base is the root filesystem that the tree will be laid over: accounts, unit files and what is already there are
// looked up in it. Without one (nil) owners stay names, and accounts other than root's are left out.
//
// What only a running Ignition could do (disks, filesystems, RAID, remote contents, merged configs) is an error.
func Rootfs(cfg types.Config, base fs.FS, modTime time.Time) (*tree.Tree, error) {
	r := &rootfs{base: base, modTime: modTime, out: &tree.Tree{}}
	if err := r.refuse(cfg); err != nil {
		return nil, err
	}
	if err := r.loadAccounts(); err != nil {
		return nil, err
	}
	for _, step := range []func(types.Config) error{r.passwd, r.directories, r.files, r.links, r.units} {
		if err := step(cfg); err != nil {
			return nil, err
		}
	}
	return r.parents()
}

// rootfs is a tree in the making.
type rootfs struct {
	base     fs.FS
	accounts *accounts
	modTime  time.Time
	out      *tree.Tree
}

func (r *rootfs) refuse(cfg types.Config) error {
	var errs []error
	for _, f := range []struct {
		what    string
		present bool
	}{
		{"ignition.config.merge", len(cfg.Ignition.Config.Merge) > 0},
		{"ignition.config.replace", cfg.Ignition.Config.Replace.Source != nil},
		{"storage.disks", len(cfg.Storage.Disks) > 0},
		{"storage.raid", len(cfg.Storage.Raid) > 0},
		{"storage.luks", len(cfg.Storage.Luks) > 0},
		{"storage.filesystems", len(cfg.Storage.Filesystems) > 0},
		{"kernelArguments", len(cfg.KernelArguments.ShouldExist)+len(cfg.KernelArguments.ShouldNotExist) > 0},
	} {
		if f.present {
			errs = append(errs, fmt.Errorf("%s can not be baked into a root filesystem; it needs a machine that runs Ignition", f.what))
		}
	}
	return errors.Join(errs...)
}

func (r *rootfs) directories(cfg types.Config) error {
	for _, d := range cfg.Storage.Directories {
		n := tree.Dir(rel(d.Path), unixPerm(d.Mode, defaultDirMode), r.modTime, origin)
		if err := r.addNode(n, d.Node); err != nil {
			return err
		}
	}
	return nil
}

func (r *rootfs) files(cfg types.Config) error {
	for _, f := range cfg.Storage.Files {
		content, err := r.content(f)
		if err != nil {
			return fmt.Errorf("file %s: %w", f.Path, err)
		}
		n := tree.File(rel(f.Path), unixPerm(f.Mode, defaultFileMode), r.modTime, content, origin)
		if err := r.addNode(n, f.Node); err != nil {
			return err
		}
	}
	return nil
}

func (r *rootfs) content(f types.File) ([]byte, error) {
	var content []byte
	there := r.exists(rel(f.Path))
	switch {
	case f.Contents.Source != nil:
		if there && !util.IsTrue(f.Overwrite) {
			return nil, errors.New("the base has it already; set overwrite: true to replace it")
		}
		b, err := resource(f.Contents)
		if err != nil {
			return nil, err
		}
		content = b
	case there && !util.IsTrue(f.Overwrite):
		b, err := fs.ReadFile(r.base, rel(f.Path))
		if err != nil {
			return nil, fmt.Errorf("read what it is appended to: %w", err)
		}
		content = b
	}
	for _, a := range f.Append {
		b, err := resource(a)
		if err != nil {
			return nil, err
		}
		content = append(content, b...)
	}
	return content, nil
}

// resource decodes a data URL (RFC 2397), the one kind of source that needs no network.
func resource(res types.Resource) ([]byte, error) {
	u, err := dataurl.DecodeString(str(res.Source))
	if err != nil {
		return nil, errors.New("its source is no data URL; only embedded contents can be baked")
	}
	if str(res.Compression) != "gzip" {
		return u.Data, nil
	}
	zr, err := gzip.NewReader(bytes.NewReader(u.Data))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	b, err := io.ReadAll(zr)
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	return b, nil
}

func (r *rootfs) links(cfg types.Config) error {
	for _, l := range cfg.Storage.Links {
		p := rel(l.Path)
		if r.exists(p) && !util.IsTrue(l.Overwrite) {
			return fmt.Errorf("link %s: the base has it already; set overwrite: true to replace it", l.Path)
		}
		n := tree.Symlink(p, str(l.Target), r.modTime, origin)
		if util.IsTrue(l.Hard) {
			n = tree.Node{Path: p, HardLink: rel(str(l.Target)), ModTime: r.modTime, Origin: origin}
		}
		if err := r.addNode(n, l.Node); err != nil {
			return err
		}
	}
	return nil
}

// addNode adds a node with the owner that the config gives it.
func (r *rootfs) addNode(n tree.Node, spec types.Node) error {
	owner, err := r.owner(spec)
	if err != nil {
		return fmt.Errorf("%s: %w", spec.Path, err)
	}
	n.Owner = owner
	return r.out.Add(n)
}

func (r *rootfs) owner(spec types.Node) (tree.Owner, error) {
	o := tree.Owner{User: str(spec.User.Name), Group: str(spec.Group.Name)}
	if spec.User.ID != nil {
		o.UID = *spec.User.ID
	}
	if spec.Group.ID != nil {
		o.GID = *spec.Group.ID
	}
	return r.accounts.resolve(o)
}

// exists tells whether the base holds the path.
func (r *rootfs) exists(p string) bool {
	if r.base == nil {
		return false
	}
	_, err := fs.Stat(r.base, p)
	return err == nil
}

// parents adds the directories that neither the tree nor the base has, and leaves those of the base as they are.
func (r *rootfs) parents() (*tree.Tree, error) {
	for _, n := range r.out.Nodes() {
		for d := path.Dir(n.Path); d != "."; d = path.Dir(d) {
			if _, ok := r.out.Get(d); ok || r.exists(d) {
				break
			}
			if err := r.out.Add(tree.Dir(d, defaultDirMode, r.modTime, origin)); err != nil {
				return nil, err
			}
		}
	}
	return r.out, nil
}

// rel makes a machine's absolute path relative to the root.
func rel(p string) string {
	return strings.TrimPrefix(path.Clean("/"+p), "/")
}

// unixPerm gives the permission bits of a mode as chmod(2) has them.
func unixPerm(mode *int, otherwise int) fs.FileMode {
	m := otherwise
	if mode != nil {
		m = *mode
	}
	perm := fs.FileMode(m & 0o777)
	for bit, flag := range map[int]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if m&bit != 0 {
			perm |= flag
		}
	}
	return perm
}

// str gives what an optional string of a config holds.
func str(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
