package ext4

import (
	"io/fs"
	"time"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// Attr is what a file has beyond fs.FileInfo.
type Attr struct {
	Inode    uint32
	Links    int
	UID, GID int
	// Major and Minor number of a device.
	Major, Minor uint32
	// Xattrs are extended attributes by full name.
	Xattrs map[string][]byte
}

// Metadata gives the owner and the extended attributes as a node of a tree has them.
func (a *Attr) Metadata() (owner tree.Owner, xattrs map[string][]byte) {
	return tree.Owner{UID: a.UID, GID: a.GID}, a.Xattrs
}

func (r reader) info(in *inode, name string) (fileInfo, error) {
	xattrs, err := r.f.xattrs(in)
	if err != nil {
		return fileInfo{}, err
	}
	a := &Attr{Inode: in.num, Links: in.links(), UID: int(in.uid()), GID: int(in.gid()), Xattrs: xattrs}
	mode := fileMode(in.mode())
	if mode&fs.ModeDevice != 0 {
		a.Major, a.Minor = in.device()
	}
	return fileInfo{name: name, size: in.size(), mode: mode, modTime: in.modTime(), attr: a}, nil
}

// fileMode gives the mode of inode(7) as package io/fs has it.
func fileMode(mode uint16) fs.FileMode {
	m := fs.FileMode(mode & 0o777)
	switch mode & typeMask {
	case typeDir:
		m |= fs.ModeDir
	case typeSymlink:
		m |= fs.ModeSymlink
	case typeBlock:
		m |= fs.ModeDevice
	case typeChar:
		m |= fs.ModeDevice | fs.ModeCharDevice
	case typeFifo:
		m |= fs.ModeNamedPipe
	case typeSocket:
		m |= fs.ModeSocket
	}
	for _, bit := range []struct {
		unix uint16
		mode fs.FileMode
	}{{0o4000, fs.ModeSetuid}, {0o2000, fs.ModeSetgid}, {0o1000, fs.ModeSticky}} {
		if mode&bit.unix != 0 {
			m |= bit.mode
		}
	}
	return m
}

type fileInfo struct {
	name    string
	size    int64
	mode    fs.FileMode
	modTime time.Time
	attr    *Attr
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) Mode() fs.FileMode  { return i.mode }
func (i fileInfo) ModTime() time.Time { return i.modTime }
func (i fileInfo) IsDir() bool        { return i.mode.IsDir() }
func (i fileInfo) Sys() any           { return i.attr }
