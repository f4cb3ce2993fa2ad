// Package tree holds file trees as values: the files of a machine, of an overlay or of a whole base, with the
// metadata that a root filesystem needs (type, permissions, owner, times, extended attributes, origin).
//
// A tree is always sorted by path, so that whatever is written from one comes out the same way each time.
package tree

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// Owner is the user and group of a node. A non-empty name is to be looked up in the account database of the system
// that the node is written to, and wins over the number.
type Owner struct {
	UID, GID    int
	User, Group string
}

// Node is one entry of a tree.
type Node struct {
	// Path is slash-separated, relative to the root and clean: "etc/hosts". The root itself is ".".
	Path string
	// Mode holds the type bits and the permission bits, with setuid, setgid and sticky as in package io/fs.
	Mode  fs.FileMode
	Owner Owner
	// ModTime is written with a resolution of one second.
	ModTime time.Time
	// Size in bytes of a regular file's content.
	Size int64
	// Open gives a regular file's content, anew each time.
	Open func() (io.ReadCloser, error)
	// Target of a symbolic link, verbatim.
	Target string
	// HardLink is the Path of the node that this one is another name of; the other fields are then not read.
	HardLink string
	// Major and Minor number of a device.
	Major, Minor uint32
	// Xattrs are extended attributes by full name ("security.capability").
	Xattrs map[string][]byte
	// Origin says where the node came from, for people: "profile etcd: etcd.bu".
	Origin string
}

// Tree is a sorted set of nodes with distinct paths. The zero value is empty and ready to use.
type Tree struct {
	nodes map[string]Node
}

// New gives a tree that holds the nodes, a later one replacing an earlier one of the same path.
func New(nodes ...Node) (*Tree, error) {
	t := &Tree{}
	for _, n := range nodes {
		if err := t.Add(n); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Add puts the node into the tree and replaces one of the same path. It refuses a path that is not clean and relative.
func (t *Tree) Add(n Node) error {
	if !fs.ValidPath(n.Path) {
		return fmt.Errorf("%q is not a clean path relative to the root", n.Path)
	}
	if t.nodes == nil {
		t.nodes = map[string]Node{}
	}
	t.nodes[n.Path] = n
	return nil
}

// Remove takes the path and everything below it out of the tree.
func (t *Tree) Remove(p string) {
	maps.DeleteFunc(t.nodes, func(q string, _ Node) bool { return q == p || strings.HasPrefix(q, p+"/") })
}

// Get gives the node at the path.
func (t *Tree) Get(p string) (Node, bool) {
	n, ok := t.nodes[p]
	return n, ok
}

// Len is the number of nodes.
func (t *Tree) Len() int { return len(t.nodes) }

// Nodes gives all nodes, a directory before what it holds.
func (t *Tree) Nodes() []Node {
	return slices.SortedFunc(maps.Values(t.nodes), func(a, b Node) int { return ComparePaths(a.Path, b.Path) })
}

// ComparePaths orders paths component by component, the root first, so that a directory stands right before what it
// holds.
func ComparePaths(a, b string) int {
	if a == "." || b == "." {
		return cmp.Compare(boolInt(a != "."), boolInt(b != "."))
	}
	// '/' sorts before every other byte that a name can hold once it is mapped to NUL.
	return cmp.Compare(strings.ReplaceAll(a, "/", "\x00"), strings.ReplaceAll(b, "/", "\x00"))
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Merge lays the trees over one another, the last on top. A directory meets a directory: the upper one's metadata
// wins and the contents are joined. Any other meeting: the upper node replaces the lower one and all below it.
func Merge(trees ...*Tree) *Tree {
	out := &Tree{nodes: map[string]Node{}}
	for _, t := range trees {
		for _, n := range t.Nodes() {
			if old, ok := out.nodes[n.Path]; ok && old.Mode.IsDir() != n.Mode.IsDir() {
				out.Remove(n.Path)
			}
			out.nodes[n.Path] = n
		}
	}
	return out
}

// WithParents gives a copy in which every node's parent directories exist; those that are missing get mode 0755, owner
// root and the given time. The root itself is not added.
func (t *Tree) WithParents(modTime time.Time) *Tree {
	out := &Tree{nodes: maps.Clone(t.nodes)}
	for p, n := range t.nodes {
		for d := path.Dir(p); d != "."; d = path.Dir(d) {
			if _, ok := out.nodes[d]; ok {
				break
			}
			out.nodes[d] = Dir(d, 0o755, modTime, n.Origin)
		}
	}
	return out
}

// File makes a regular file of root's from bytes.
func File(p string, perm fs.FileMode, modTime time.Time, content []byte, origin string) Node {
	return Node{
		Path: p, Mode: perm, ModTime: modTime, Size: int64(len(content)), Origin: origin,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	}
}

// Dir makes a directory of root's.
func Dir(p string, perm fs.FileMode, modTime time.Time, origin string) Node {
	return Node{Path: p, Mode: fs.ModeDir | perm, ModTime: modTime, Origin: origin}
}

// Symlink makes a symbolic link of root's.
func Symlink(p, target string, modTime time.Time, origin string) Node {
	return Node{Path: p, Mode: fs.ModeSymlink | 0o777, ModTime: modTime, Target: target, Origin: origin}
}

// Content reads a regular file's content whole.
func (n Node) Content() ([]byte, error) {
	if !n.Mode.IsRegular() || n.Open == nil {
		return nil, fmt.Errorf("%s is no regular file with content", n.Path)
	}
	r, err := n.Open()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", n.Path, err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", n.Path, err)
	}
	return b, nil
}

// UnixMode gives the st_mode bits of inode(7) for the node's type and permissions.
func (n Node) UnixMode() uint16 {
	m := uint16(n.Mode.Perm())
	if n.Mode&fs.ModeSetuid != 0 {
		m |= 0o4000
	}
	if n.Mode&fs.ModeSetgid != 0 {
		m |= 0o2000
	}
	if n.Mode&fs.ModeSticky != 0 {
		m |= 0o1000
	}
	switch n.Mode.Type() {
	case fs.ModeDir:
		return m | 0o040000
	case fs.ModeSymlink:
		return m | 0o120000
	case fs.ModeDevice:
		return m | 0o060000
	case fs.ModeDevice | fs.ModeCharDevice:
		return m | 0o020000
	case fs.ModeNamedPipe:
		return m | 0o010000
	case fs.ModeSocket:
		return m | 0o140000
	}
	return m | 0o100000
}
