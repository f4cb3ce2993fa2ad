package qcow2

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
)

// unpacker expands compressed clusters, one at a time, and keeps the last one: reads come in pieces smaller than a
// cluster and mostly in order.
type unpacker struct {
	method Compression

	mu     sync.Mutex
	offset int64 // of the cluster that is kept; 0, where the header is, for none
	kept   []byte
}

func newUnpacker(method Compression, clusterSize int64) *unpacker {
	return &unpacker{method: method, kept: make([]byte, clusterSize)}
}

// read copies the part of the cluster that begins at byte within.
func (u *unpacker) read(r io.ReaderAt, p []byte, c cluster, within int64) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.offset != c.offset {
		u.offset = 0
		if err := u.expand(r, c); err != nil {
			return fmt.Errorf("expand the %s cluster at offset %d: %w", u.method, c.offset, err)
		}
		u.offset = c.offset
	}
	copy(p, u.kept[within:])
	return nil
}

// expand fills the kept cluster. What follows in the last sector belongs to others, so expansion stops when the cluster
// is full.
func (u *unpacker) expand(r io.ReaderAt, c cluster) error {
	packed := make([]byte, c.length)
	if _, err := r.ReadAt(packed, c.offset); err != nil {
		return err
	}
	if u.method == Zlib {
		inflater := flate.NewReader(bytes.NewReader(packed))
		_, err := io.ReadFull(inflater, u.kept)
		return err
	}
	d, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return err
	}
	defer d.Close()
	_, err = io.ReadFull(d, u.kept)
	return err
}
