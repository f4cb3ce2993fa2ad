package build

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// compare tells whether there is an old file, and whether the one that was made holds the same.
func compare(old, made string) (same, there bool, err error) {
	info, err := os.Stat(old)
	if errors.Is(err, fs.ErrNotExist) {
		return false, false, nil
	} else if err != nil || !info.Mode().IsRegular() {
		return false, true, err
	}
	a, err := os.Open(old)
	if err != nil {
		return false, true, err
	}
	defer a.Close()
	b, err := os.Open(made)
	if err != nil {
		return false, true, err
	}
	defer b.Close()
	same, err = sameContent(a, b)
	if err != nil {
		err = fmt.Errorf("compare %s with what was made: %w", old, err)
	}
	return same, true, err
}

// sameContent tells whether two files hold the same bytes. It passes over what is a hole in both, which of a sparse
// disk is nearly all.
func sameContent(a, b *os.File) (bool, error) {
	size, err := sameSize(a, b)
	if err != nil || size < 0 {
		return false, err
	}
	one, other := make([]byte, 256<<10), make([]byte, 256<<10)
	for at := int64(0); ; {
		if at, err = nextData(a, b, at, size); err != nil || at >= size {
			return err == nil, err
		}
		n := min(int64(len(one)), size-at)
		if _, err := io.ReadFull(io.NewSectionReader(a, at, n), one[:n]); err != nil {
			return false, err
		}
		if _, err := io.ReadFull(io.NewSectionReader(b, at, n), other[:n]); err != nil {
			return false, err
		}
		if !bytes.Equal(one[:n], other[:n]) {
			return false, nil
		}
		at += n
	}
}

// sameSize gives the size of two files, -1 if it is not the same.
func sameSize(a, b *os.File) (int64, error) {
	one, err := a.Stat()
	if err != nil {
		return 0, err
	}
	other, err := b.Stat()
	if err != nil {
		return 0, err
	}
	if one.Size() != other.Size() {
		return -1, nil
	}
	return one.Size(), nil
}

// nextData gives the first byte from at on that is in no hole of one of the files, size if there is none: lseek(2).
func nextData(a, b *os.File, at, size int64) (int64, error) {
	next := size
	for _, f := range []*os.File{a, b} {
		data, err := f.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			continue
		} else if err != nil {
			return 0, err
		}
		next = min(next, data)
	}
	return next, nil
}
