package qcow2

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// maxBackingDepth bounds a chain of backing files, which may close upon itself.
const maxBackingDepth = 16

// backingFile is a source that is closed with the image in front of it.
type backingFile interface {
	Source
	io.Closer
}

// openBacking opens an image's backing file. The name is taken as a path relative to the image's directory and nothing
// else: an image from elsewhere must not make this process read some other file of its host or open a network
// connection, so absolute paths, those that leave the directory, and QEMU's protocol names are refused. The format must
// be given, since a raw disk that is probed can pose as an image of another format.
func openBacking(dir string, h *header, depth int) (backingFile, error) {
	if depth == maxBackingDepth {
		return nil, fmt.Errorf("the chain of backing files is longer than %d", maxBackingDepth)
	}
	if !filepath.IsLocal(h.backing) {
		return nil, fmt.Errorf("the backing file %q is not a path below the image's directory", h.backing)
	}
	path := filepath.Join(dir, h.backing)
	switch h.backingFormat {
	case "qcow2":
		return open(path, depth+1)
	case "raw":
		return openRaw(path)
	case "":
		return nil, fmt.Errorf("the format of the backing file %q is not given", h.backing)
	}
	return nil, fmt.Errorf("the backing file %q has format %q, only qcow2 and raw can be read", h.backing, h.backingFormat)
}

// Raw is a raw disk image as a Source: a file that may have holes.
type Raw struct {
	*os.File
	size int64
}

// openRaw opens a raw disk image for reading.
func openRaw(path string) (*Raw, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open raw disk image: %w", err)
	}
	r, err := NewRaw(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return r, nil
}

// NewRaw makes a source of an open raw disk image.
func NewRaw(f *os.File) (*Raw, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open raw disk image: %w", err)
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("open raw disk image %s: not a regular file", f.Name())
	}
	return &Raw{File: f, size: st.Size()}, nil
}

// Size of the disk in bytes.
func (r *Raw) Size() int64 { return r.size }

// NextData gives the next run outside the file's holes; see Source. It moves the file's offset.
func (r *Raw) NextData(off int64) (start, end int64, err error) {
	start, err = r.Seek(off, unix.SEEK_DATA)
	if errors.Is(err, unix.ENXIO) || err == nil && start >= r.size {
		return 0, 0, io.EOF
	}
	if err != nil {
		return 0, 0, fmt.Errorf("find data in raw disk image %s at byte %d: %w", r.Name(), off, err)
	}
	end, err = r.Seek(start, unix.SEEK_HOLE)
	if err != nil {
		return 0, 0, fmt.Errorf("find a hole in raw disk image %s at byte %d: %w", r.Name(), start, err)
	}
	return start, min(end, r.size), nil
}
