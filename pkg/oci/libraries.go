package oci

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// libraryDirs are where Debian's ld.so looks for libraries, the first first: ld.so(8) and /etc/ld.so.conf.d there.
func libraryDirs() []string {
	return []string{"usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib", "lib"}
}

// linked puts in programs of the base, with the libraries that each needs, where ld.so looks for them.
func linked(names ...string) ingredient {
	return func(from pantry, t *tree.Tree) error {
		l := linker{from: from.root, to: t, modTime: from.modTime}
		for _, n := range names {
			if err := l.add(n, n); err != nil {
				return err
			}
		}
		return nil
	}
}

// linkedIfThere puts in those of the programs that the base has.
func linkedIfThere(names ...string) ingredient {
	return func(from pantry, t *tree.Tree) error {
		for _, n := range names {
			if _, err := from.root.Resolve(n); isAbsent(err) {
				continue
			}
			if err := linked(n)(from, t); err != nil {
				return err
			}
		}
		return nil
	}
}

// linkedDir puts in all files of a directory of the base, and the libraries that they need.
func linkedDir(dir string) ingredient {
	return func(from pantry, t *tree.Tree) error {
		l := linker{from: from.root, to: t, modTime: from.modTime}
		for _, n := range from.root.Nodes() {
			if path.Dir(n.Path) != dir || n.Mode.IsDir() {
				continue
			}
			if n.Mode.Type() == fs.ModeSymlink && path.Base(n.Target) == n.Target {
				if err := t.Add(tree.Symlink(n.Path, n.Target, from.modTime, origin)); err != nil {
					return err
				}
				continue
			}
			if err := l.add(n.Path, n.Path); err != nil {
				return err
			}
		}
		return nil
	}
}

// linker copies programs and libraries from one tree to another.
type linker struct {
	from, to *tree.Tree
	modTime  time.Time
}

// add copies a file, and what it is linked with.
func (l linker) add(name, as string) error {
	if _, ok := l.to.Get(as); ok {
		return nil
	}
	if err := copyFile(l.from, name, as, l.modTime, l.to); err != nil {
		return err
	}
	n, _ := l.to.Get(as) // it has just been put there
	content, err := n.Content()
	if err != nil {
		return err
	}
	f, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("/%s: %w", name, err)
	}
	if err := l.loader(f); err != nil {
		return fmt.Errorf("/%s: %w", name, err)
	}
	libraries, err := f.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("/%s: %w", name, err)
	}
	for _, lib := range libraries {
		if err := l.library(lib); err != nil {
			return fmt.Errorf("/%s: %w", name, err)
		}
	}
	return nil
}

// loader copies the program that loads this one, at the path that stands in it.
func (l linker) loader(f *elf.File) error {
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		b, err := io.ReadAll(p.Open())
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(strings.TrimRight(string(b), "\x00"), "/")
		return l.add(name, name)
	}
	return nil
}

// library copies a library by its name.
func (l linker) library(name string) error {
	// The loader is a library as well, which has its place.
	if _, ok := l.to.Get(path.Join("lib64", name)); ok {
		return nil
	}
	for _, dir := range libraryDirs() {
		in := path.Join(dir, name)
		if _, err := l.from.Resolve(in); err == nil {
			return l.add(in, path.Join(libraryDirs()[0], name))
		}
	}
	return fmt.Errorf("the library %s: %w", name, fs.ErrNotExist)
}
