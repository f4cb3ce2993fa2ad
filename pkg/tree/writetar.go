package tree

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
)

// WriteTar writes the tree as a tar archive, in the format that POSIX.1-1988 has for it (ustar) and where that can not say
// something in the pax format of POSIX.1-2001. Sockets and names of owners are errors.
func WriteTar(w io.Writer, t *Tree) error {
	archive := tar.NewWriter(w)
	for _, n := range t.Nodes() {
		if err := writeTarNode(archive, n); err != nil {
			return fmt.Errorf("write tar: %s: %w", n.Path, err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("write tar: %w", err)
	}
	return nil
}

func writeTarNode(archive *tar.Writer, n Node) error {
	h, err := tarHeader(n)
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(h); err != nil {
		return err
	}
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	r, err := n.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	copied, err := io.Copy(archive, r)
	if err == nil && copied != n.Size {
		err = fmt.Errorf("the content has %d bytes, not the announced %d", copied, n.Size)
	}
	return err
}

func tarHeader(n Node) (*tar.Header, error) {
	if n.Owner.User != "" || n.Owner.Group != "" {
		return nil, fmt.Errorf("the owner is a name, not a number")
	}
	h := &tar.Header{
		Name: n.Path, Mode: int64(n.UnixMode() & 0o7777), Uid: n.Owner.UID, Gid: n.Owner.GID, ModTime: n.ModTime,
		Devmajor: int64(n.Major), Devminor: int64(n.Minor),
	}
	if n.HardLink != "" {
		h.Typeflag, h.Linkname = tar.TypeLink, n.HardLink
		return h, nil
	}
	switch n.Mode.Type() {
	case 0:
		h.Typeflag, h.Size = tar.TypeReg, n.Size
	case fs.ModeDir:
		h.Typeflag, h.Name = tar.TypeDir, n.Path+"/"
	case fs.ModeSymlink:
		h.Typeflag, h.Linkname = tar.TypeSymlink, n.Target
	case fs.ModeNamedPipe:
		h.Typeflag = tar.TypeFifo
	case fs.ModeDevice:
		h.Typeflag = tar.TypeBlock
	case fs.ModeDevice | fs.ModeCharDevice:
		h.Typeflag = tar.TypeChar
	default:
		return nil, fmt.Errorf("sockets are not supported")
	}
	for name, value := range n.Xattrs {
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords[paxXattr+name] = string(value)
	}
	return h, nil
}
