package qcow2

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
)

// Image is an open image with its chain of backing files. It may be used by many goroutines at once.
type Image struct {
	*header
	file     *os.File
	fileSize int64
	l1       []int64 // offsets of L2 tables, 0 for none
	l2       []atomic.Pointer[[]uint64]
	packed   *unpacker
	backing  backingFile // nil for none
}

var _ Source = (*Image)(nil)

// Open opens the image at the path and the images behind it. It refuses incompatible features by name, encryption, and
// a backing file that is not named by a plain path below the image's own directory together with its format.
func Open(path string) (*Image, error) { return open(path, 0) }

func open(path string, depth int) (*Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open qcow2 image: %w", err)
	}
	im, err := newImage(f)
	if err == nil && im.header.backing != "" {
		im.backing, err = openBacking(filepath.Dir(path), im.header, depth)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open qcow2 image %s: %w", path, err)
	}
	return im, nil
}

// newImage reads the header and the L1 table.
func newImage(f *os.File) (*Image, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	h, err := readHeader(f)
	if err != nil {
		return nil, err
	}
	im := &Image{header: h, file: f, fileSize: st.Size(), packed: newUnpacker(h.compression, h.clusterSize())}
	if h.l1Offset+h.l1Entries*8 > im.fileSize {
		return nil, fmt.Errorf("the L1 table at offset %d reaches beyond the end of the file", h.l1Offset)
	}
	raw := make([]byte, h.l1Entries*8)
	if _, err := f.ReadAt(raw, h.l1Offset); err != nil {
		return nil, fmt.Errorf("read the L1 table: %w", err)
	}
	im.l1 = make([]int64, h.l1Entries)
	im.l2 = make([]atomic.Pointer[[]uint64], h.l1Entries)
	for i := range im.l1 {
		im.l1[i] = int64(binary.BigEndian.Uint64(raw[8*i:]) & offsetMask)
	}
	return im, nil
}

// Size is the size of the virtual disk in bytes.
func (im *Image) Size() int64 { return im.size }

// Close closes the image and those behind it.
func (im *Image) Close() error {
	err := im.file.Close()
	if im.backing != nil {
		err = errors.Join(err, im.backing.Close())
	}
	return err
}

// ReadAt reads from the virtual disk, as io.ReaderAt describes.
func (im *Image) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read qcow2 image %s: negative offset %d", im.file.Name(), off)
	}
	n := 0
	for n < len(p) && off < im.size {
		within := off & (im.clusterSize() - 1)
		part := p[n:min(int64(len(p)), int64(n)+im.clusterSize()-within, int64(n)+im.size-off)]
		if err := im.readWithin(part, off, within); err != nil {
			return n, fmt.Errorf("read qcow2 image %s at byte %d: %w", im.file.Name(), off, err)
		}
		n += len(part)
		off += int64(len(part))
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// readWithin reads a part of one cluster: p from byte off of the disk, which is byte within of its cluster.
func (im *Image) readWithin(p []byte, off, within int64) error {
	c, err := im.lookup(off >> im.clusterBits)
	if err != nil {
		return err
	}
	switch c.kind {
	case zero:
		clear(p)
		return nil
	case plain:
		// The last cluster of a file may be cut short where only zeros would follow.
		return readFull(im.file, p, c.offset+within)
	case compressed:
		return im.packed.read(im.file, p, c, within)
	}
	if im.backing == nil || off >= im.backing.Size() {
		clear(p)
		return nil
	}
	return readFull(im.backing, p, off)
}

// readFull fills p; what lies beyond the end of r is zeros.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	clear(p[n:])
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
