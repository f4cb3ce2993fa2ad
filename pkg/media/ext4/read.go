package ext4

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
)

// FS gives the files for reading, changes that are not yet flushed included. Open, Stat, ReadFile and ReadDir follow
// symbolic links, absolute ones too, and never leave the root; Lstat and ReadLink do not follow the last one.
// Everything is verified on the way. Sys of an fs.FileInfo is an *Attr.
func (f *FS) FS() fs.FS { return reader{f} }

type reader struct{ f *FS }

var (
	_ fs.ReadFileFS = reader{}
	_ fs.ReadDirFS  = reader{}
	_ fs.StatFS     = reader{}
	_ fs.ReadLinkFS = reader{}
)

// find gives the inode at a path of package io/fs.
func (r reader) find(op, name string, follow bool) (*inode, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	in, err := r.f.resolve(name, follow)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return in, nil
}

func (r reader) Open(name string) (fs.File, error) {
	in, err := r.find("open", name, true)
	if err != nil {
		return nil, err
	}
	file, err := r.open(in, name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return file, nil
}

func (r reader) open(in *inode, name string) (fs.File, error) {
	info, err := r.info(in, path.Base(name))
	if err != nil {
		return nil, err
	}
	switch in.kind() {
	case typeDir:
		entries, err := r.entries(in)
		return &openDir{info: info, entries: entries}, err
	case typeRegular:
		t, err := r.f.extents(in)
		if err != nil {
			return nil, err
		}
		file := &openFile{info: info}
		file.SectionReader = io.NewSectionReader(&content{r.f, t.extents}, 0, info.Size())
		return file, nil
	}
	// A device or a pipe of the file system is none of this machine.
	return nil, fs.ErrInvalid
}

func (r reader) Stat(name string) (fs.FileInfo, error)  { return r.stat("stat", name, true) }
func (r reader) Lstat(name string) (fs.FileInfo, error) { return r.stat("lstat", name, false) }

func (r reader) stat(op, name string, follow bool) (fs.FileInfo, error) {
	in, err := r.find(op, name, follow)
	if err != nil {
		return nil, err
	}
	info, err := r.info(in, path.Base(name))
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return info, nil
}

func (r reader) ReadLink(name string) (string, error) {
	in, err := r.find("readlink", name, false)
	if err != nil {
		return "", err
	}
	if !in.isSymlink() {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	target, err := r.f.target(in)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return target, nil
}

func (r reader) ReadFile(name string) ([]byte, error) {
	file, err := r.Open(name)
	if err != nil {
		return nil, err
	}
	regular, ok := file.(*openFile)
	if !ok {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	if size := regular.Size(); r.f.blocksFor(size) > int64(r.f.geo.blocks) {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("%d bytes, mostly holes, are too many to be read at once", size)}
	}
	b, err := io.ReadAll(regular)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return b, nil
}

func (r reader) ReadDir(name string) ([]fs.DirEntry, error) {
	in, err := r.find("readdir", name, true)
	if err != nil {
		return nil, err
	}
	if !in.isDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errNotDir}
	}
	entries, err := r.entries(in)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	return entries, nil
}

// entries gives what is in a directory, in the order of names.
func (r reader) entries(in *inode) ([]fs.DirEntry, error) {
	d, err := r.f.dir(in)
	if err != nil {
		return nil, err
	}
	entries := make([]fs.DirEntry, 0, len(d.names))
	for _, name := range sortedNames(d) {
		child, err := r.f.child(d, d.names[name])
		if err != nil {
			return nil, err
		}
		info, err := r.info(child, name)
		if err != nil {
			return nil, err
		}
		entries = append(entries, fs.FileInfoToDirEntry(info))
	}
	return entries, nil
}

func sortedNames(d *dir) []string { return slices.Sorted(maps.Keys(d.names)) }
