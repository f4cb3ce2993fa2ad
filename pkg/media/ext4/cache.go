package ext4

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Device is where a file system lies; offset 0 is its first byte.
type Device interface {
	io.ReaderAt
	io.WriterAt
}

// buffer is a block of metadata in memory.
type buffer struct {
	block uint64
	data  record
	dirty bool
}

// cache keeps every block of metadata that was read or made, and writes those that changed once.
type cache struct {
	dev       Device
	blockSize int
	buffers   map[uint64]*buffer
}

// get gives the block, from the device when it is not yet in memory.
func (c *cache) get(block uint64) (*buffer, error) {
	if b, ok := c.buffers[block]; ok {
		return b, nil
	}
	b := &buffer{block: block, data: make(record, c.blockSize)}
	if err := readFull(c.dev, b.data, int64(block)*int64(c.blockSize)); err != nil {
		return nil, fmt.Errorf("read block %d: %w", block, err)
	}
	c.buffers[block] = b
	return b, nil
}

// fresh gives the block filled with zeros, whatever it held before.
func (c *cache) fresh(block uint64) *buffer {
	b := &buffer{block: block, data: make(record, c.blockSize), dirty: true}
	c.buffers[block] = b
	return b
}

// drop forgets the block, which no longer holds metadata.
func (c *cache) drop(block uint64) { delete(c.buffers, block) }

// flush writes what changed, in the order of the device.
func (c *cache) flush() error {
	for _, block := range slices.Sorted(maps.Keys(c.buffers)) {
		b := c.buffers[block]
		if !b.dirty {
			continue
		}
		if _, err := c.dev.WriteAt(b.data, int64(block)*int64(c.blockSize)); err != nil {
			return fmt.Errorf("write block %d: %w", block, err)
		}
		b.dirty = false
	}
	return nil
}

// readFull reads all of p, and takes an end of the device before that for the error that it is.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
