package tree

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// Records of the pax format, POSIX.1-2017 pax(1), that star and GNU tar added.
const (
	paxXattr  = "SCHILY.xattr."
	paxSparse = "GNU.sparse."
)

// FromTar gives the tree in an uncompressed tar archive of the given size in bytes. Contents are not read: each node's
// Open reads from r, which has to stay readable and may be read by many at once.
func FromTar(r io.ReaderAt, size int64, origin string) (*Tree, error) {
	section := io.NewSectionReader(r, 0, size)
	archive := tar.NewReader(section)
	t := &Tree{}
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read tar: %w", err)
		}
		// The reader takes whole blocks and nothing ahead, so it now stands where the content begins.
		start, err := section.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, fmt.Errorf("read tar: %w", err)
		}
		n, err := tarNode(h)
		if err != nil {
			return nil, fmt.Errorf("read tar: %s: %w", h.Name, err)
		}
		n.Origin = origin
		if n.Mode.IsRegular() && n.HardLink == "" {
			n.Open = func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(r, start, n.Size)), nil }
			if start+n.Size > size {
				return nil, fmt.Errorf("read tar: %s: %w", h.Name, io.ErrUnexpectedEOF)
			}
		}
		if err := t.Add(n); err != nil {
			return nil, fmt.Errorf("read tar: %w", err)
		}
	}
}

func tarNode(h *tar.Header) (Node, error) {
	n := Node{
		Path: path.Clean(strings.TrimPrefix(h.Name, "/")), Mode: h.FileInfo().Mode(), ModTime: h.ModTime,
		Owner: Owner{UID: h.Uid, GID: h.Gid},
	}
	switch h.Typeflag {
	case tar.TypeReg:
		n.Size = h.Size
	case tar.TypeDir, tar.TypeFifo:
	case tar.TypeSymlink:
		n.Target = h.Linkname
	case tar.TypeLink:
		n.HardLink = path.Clean(strings.TrimPrefix(h.Linkname, "/"))
		if !fs.ValidPath(n.HardLink) {
			return n, fmt.Errorf("hard link to %q, which is outside the archive", h.Linkname)
		}
	case tar.TypeChar, tar.TypeBlock:
		n.Major, n.Minor = uint32(h.Devmajor), uint32(h.Devminor)
	default:
		return n, fmt.Errorf("entry of type %q is not supported", h.Typeflag)
	}
	for k, v := range h.PAXRecords {
		switch {
		case strings.HasPrefix(k, paxSparse):
			return n, errors.New("sparse entries are not supported")
		case strings.HasPrefix(k, paxXattr):
			if n.Xattrs == nil {
				n.Xattrs = map[string][]byte{}
			}
			n.Xattrs[strings.TrimPrefix(k, paxXattr)] = []byte(v)
		}
	}
	return n, nil
}
