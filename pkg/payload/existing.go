package payload

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// metadata is what Sys of an fs.FileInfo has in a base that knows the owners and extended attributes of its files. In
// one that does not, all is root's.
type metadata interface {
	Metadata() (owner tree.Owner, xattrs map[string][]byte)
}

// at gives what the path names on the machine so far: a node that was added, or else the base's own. A link at the end
// of the path is not followed.
func (r *rootfs) at(p string) (n tree.Node, there bool, err error) {
	p = rel(p)
	if n, ok := r.out.Get(p); ok {
		return n, true, nil
	}
	if r.base == nil {
		return tree.Node{}, false, nil
	}
	info, err := fs.Lstat(r.base, p)
	if errors.Is(err, fs.ErrNotExist) {
		return tree.Node{}, false, nil
	} else if err != nil {
		return tree.Node{}, false, fmt.Errorf("look into the base: %w", err)
	}
	n = tree.Node{Path: p, Mode: info.Mode(), ModTime: r.modTime, Origin: origin}
	if m, ok := info.Sys().(metadata); ok {
		n.Owner, n.Xattrs = m.Metadata()
	}
	switch n.Mode.Type() {
	case 0:
		n.Size = info.Size()
		n.Open = func() (io.ReadCloser, error) { return r.base.Open(p) }
	case fs.ModeSymlink:
		if n.Target, err = fs.ReadLink(r.base, p); err != nil {
			return n, true, fmt.Errorf("look into the base: %w", err)
		}
	}
	return n, true, nil
}
