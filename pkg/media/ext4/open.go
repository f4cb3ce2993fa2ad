package ext4

import (
	"io"
	"io/fs"
)

// content reads a regular file by its extents.
type content struct {
	f       *FS
	extents []extent
}

func (c *content) ReadAt(p []byte, off int64) (int, error) {
	if err := c.f.readAt(c.extents, p, off); err != nil {
		return 0, err
	}
	return len(p), nil
}

// openFile is a regular file; it can be read at any place.
type openFile struct {
	*io.SectionReader
	info fileInfo
}

func (o *openFile) Stat() (fs.FileInfo, error) { return o.info, nil }
func (o *openFile) Close() error               { return nil }

// openDir is a directory; entries are those not yet read.
type openDir struct {
	info    fileInfo
	entries []fs.DirEntry
}

func (o *openDir) Stat() (fs.FileInfo, error) { return o.info, nil }
func (o *openDir) Close() error               { return nil }

func (o *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: o.info.name, Err: fs.ErrInvalid}
}

func (o *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(o.entries)
	} else if len(o.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(o.entries))
	entries := o.entries[:n:n]
	o.entries = o.entries[n:]
	return entries, nil
}
