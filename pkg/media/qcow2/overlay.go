package qcow2

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
)

// Overlay is a virtual disk over a base, which it leaves as it is: what is written stays in memory, by clusters.
// Beyond the end of the base it reads as zeros. Reading at the same time is safe, writing is for one goroutine alone.
type Overlay struct {
	base        Source
	size        int64
	clusterBits uint
	order       []int64 // numbers of the written clusters, sorted
	written     map[int64][]byte
}

var _ Source = (*Overlay)(nil)

// NewOverlay makes an overlay of that virtual size in bytes, which must be whole sectors and not less than the base's.
func NewOverlay(base Source, size int64) (*Overlay, error) {
	return newOverlay(base, size, overlayClusterBits(size))
}

func newOverlay(base Source, size int64, clusterBits uint) (*Overlay, error) {
	if size < base.Size() {
		return nil, fmt.Errorf("an overlay of %d bytes is smaller than its base of %d bytes", size, base.Size())
	}
	if size%sectorSize != 0 {
		return nil, fmt.Errorf("a virtual disk of %d bytes is not made of whole sectors of %d bytes", size, sectorSize)
	}
	return &Overlay{base: base, size: size, clusterBits: clusterBits, written: map[int64][]byte{}}, nil
}

// Size of the virtual disk in bytes.
func (o *Overlay) Size() int64 { return o.size }

func (o *Overlay) clusterSize() int64 { return 1 << o.clusterBits }

// ReadAt reads what was written, and the base elsewhere, as io.ReaderAt describes.
func (o *Overlay) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read overlay: negative offset %d", off)
	}
	n := 0
	for n < len(p) && off < o.size {
		within := off & (o.clusterSize() - 1)
		part := p[n:min(int64(len(p)), int64(n)+o.clusterSize()-within, int64(n)+o.size-off)]
		if c, ok := o.written[off>>o.clusterBits]; ok {
			copy(part, c[within:])
		} else if err := readFull(o.base, part, off); err != nil {
			return n, err
		}
		n += len(part)
		off += int64(len(part))
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt writes into the overlay. Beyond its size it writes nothing and fails.
func (o *Overlay) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off > o.size-int64(len(p)) {
		return 0, fmt.Errorf("write %d bytes at byte %d of an overlay of %d bytes: %w", len(p), off, o.size, io.ErrShortWrite)
	}
	n := 0
	for n < len(p) {
		within := off & (o.clusterSize() - 1)
		part := min(int64(len(p)-n), o.clusterSize()-within)
		c, err := o.writable(off>>o.clusterBits, part == o.clusterSize())
		if err != nil {
			return n, err
		}
		copy(c[within:], p[n:n+int(part)])
		n += int(part)
		off += part
	}
	return n, nil
}

// writable gives a cluster for writing, filled from the base unless all of it is to be written.
func (o *Overlay) writable(n int64, whole bool) ([]byte, error) {
	if c, ok := o.written[n]; ok {
		return c, nil
	}
	c := make([]byte, o.clusterSize())
	if !whole {
		if err := readFull(o.base, c, n<<o.clusterBits); err != nil {
			return nil, err
		}
	}
	at, _ := slices.BinarySearch(o.order, n)
	o.order = slices.Insert(o.order, at, n)
	o.written[n] = c
	return c, nil
}

// change is a cluster that differs from the base.
type change struct {
	number  int64
	content []byte // nil when all of it is zeros
}

// changes gives the clusters that differ from the base, in order: a cluster that was written with what the base has
// is not worth its place.
func (o *Overlay) changes() ([]change, error) {
	var out []change
	was := make([]byte, o.clusterSize())
	for _, n := range o.order {
		if err := readFull(o.base, was, n<<o.clusterBits); err != nil {
			return nil, err
		}
		c := change{number: n, content: o.written[n]}
		if bytes.Equal(c.content, was) {
			continue
		}
		if allZero(c.content) {
			c.content = nil
		}
		out = append(out, c)
	}
	return out, nil
}

// NextData gives the next run that was written or that is data in the base; see Source.
func (o *Overlay) NextData(off int64) (start, end int64, err error) {
	if off >= o.size {
		return 0, 0, io.EOF
	}
	at, found := slices.BinarySearch(o.order, off>>o.clusterBits)
	own := o.size
	if at < len(o.order) {
		own = max(off, o.order[at]<<o.clusterBits)
		end = min((o.order[at]+1)<<o.clusterBits, o.size)
	}
	if found {
		return own, end, nil
	}
	below, stop, err := o.base.NextData(off)
	if err != nil && err != io.EOF {
		return 0, 0, err
	}
	if err == nil && below < own {
		return below, min(stop, own), nil
	}
	if own == o.size {
		return 0, 0, io.EOF
	}
	return own, end, nil
}

// Locate gives the place of bytes that were not written in the base's file, when the base is an Image; see
// Image.Locate.
func (o *Overlay) Locate(off int64) (f *os.File, pos, n int64, err error) {
	at, found := slices.BinarySearch(o.order, off>>o.clusterBits)
	own := o.size
	if at < len(o.order) {
		own = o.order[at] << o.clusterBits
	}
	im, ok := o.base.(*Image)
	switch {
	case found:
		return nil, 0, min(own+o.clusterSize(), o.size) - off, nil
	case !ok || off >= im.Size():
		return nil, 0, own - off, nil
	}
	f, pos, n, err = im.Locate(off)
	return f, pos, min(n, own-off), err
}
