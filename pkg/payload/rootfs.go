// Package payload turns a machine's Ignition config into what a medium carries. It is pure: what it needs of the base
// image it reads from a value it is given.
package payload

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// origin of the nodes that are made here.
const origin = "machine"

// Rootfs gives the files that bring a root filesystem into the state that Ignition would bring it into: files,
// directories, links, units with their enablement, users and groups. All times are modTime.
//
// The base is the root filesystem that the tree will be laid over: accounts, unit files and what is already there are
// looked up in it. Without one (nil) owners stay names, and accounts other than root's are left out.
//
// What only a running Ignition could do (disks, filesystems, RAID, remote contents, merged configs) is an error, and so
// is what would take something out of the base, which a tree that is laid over it can not.
func Rootfs(cfg types.Config, base fs.FS, modTime time.Time) (*tree.Tree, error) {
	r := &rootfs{base: base, modTime: modTime, out: &tree.Tree{}}
	if err := refuse(cfg); err != nil {
		return nil, err
	}
	if err := r.loadAccounts(); err != nil {
		return nil, err
	}
	// Ignition's order: files can belong to users that the config adds, and units replace files of their name.
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

func refuse(cfg types.Config) error {
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
			errs = append(errs, fmt.Errorf("%s can not be baked into a root filesystem or seeded; it needs a machine that runs Ignition", f.what))
		}
	}
	return errors.Join(errs...)
}

// parents adds the directories that neither the tree nor the base has, and leaves those of the base as they are.
func (r *rootfs) parents() (*tree.Tree, error) {
	for _, n := range r.out.Nodes() {
		for d := path.Dir(n.Path); d != "."; d = path.Dir(d) {
			if _, ok := r.out.Get(d); ok || r.baseHas(d) {
				break
			}
			if err := r.out.Add(tree.Dir(d, defaultDirMode, r.modTime, origin)); err != nil {
				return nil, err
			}
		}
	}
	return r.out, nil
}

// baseHas tells whether the path leads to something in the base.
func (r *rootfs) baseHas(p string) bool {
	if r.base == nil {
		return false
	}
	_, err := fs.Stat(r.base, p)
	return err == nil
}

// rel makes a machine's absolute path relative to the root.
func rel(p string) string {
	return strings.TrimPrefix(path.Clean("/"+p), "/")
}

// str gives what an optional string of a config holds.
func str(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
