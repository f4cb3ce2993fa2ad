package qcow2

import (
	"bytes"
	"io"
)

// Source is a virtual disk that can be read and that knows where it is empty. Image and Overlay are sources.
type Source interface {
	io.ReaderAt
	// Size of the virtual disk in bytes.
	Size() int64
	// NextData gives the first run of bytes at or after off that may hold something other than zeros, as lseek(2) does
	// by SEEK_DATA and SEEK_HOLE. Two runs may touch. The error is io.EOF when nothing but zeros follows.
	NextData(off int64) (start, end int64, err error)
}

// allZero says whether the bytes are all zero: the first is, and each equals the one before it.
func allZero(p []byte) bool {
	return len(p) == 0 || p[0] == 0 && bytes.Equal(p[1:], p[:len(p)-1])
}
