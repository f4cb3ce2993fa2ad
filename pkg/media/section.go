package media

import (
	"fmt"
	"io"
)

// section is a part of a disk, as a device of its own.
type section struct {
	disk
	start, size int64
}

func (s section) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= s.size {
		return 0, io.EOF
	}
	if rest := s.size - off; int64(len(p)) > rest {
		n, err := s.disk.ReadAt(p[:rest], s.start+off)
		if err == nil {
			err = io.EOF
		}
		return n, err
	}
	return s.disk.ReadAt(p, s.start+off)
}

func (s section) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off > s.size-int64(len(p)) {
		return 0, fmt.Errorf("write %d bytes at byte %d of a partition of %d bytes: %w", len(p), off, s.size, io.ErrShortWrite)
	}
	return s.disk.WriteAt(p, s.start+off)
}
