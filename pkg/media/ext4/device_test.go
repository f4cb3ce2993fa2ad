package ext4_test

import (
	"bytes"
	"io"
	"os"
)

// tracked counts the clusters of 64 KiB that are written.
type tracked struct {
	*os.File
	clusters map[int64]bool
}

func (d *tracked) WriteAt(p []byte, off int64) (int, error) {
	for at := off &^ 0xffff; at < off+int64(len(p)); at += 1 << 16 {
		d.clusters[at>>16] = true
	}
	return d.File.WriteAt(p, off)
}

// sparse leaves out zeros, which a new image has everywhere.
type sparse struct{ *os.File }

func (d sparse) WriteAt(p []byte, off int64) (int, error) {
	if len(p) == mib && bytes.Count(p, []byte{0}) == len(p) {
		return len(p), nil
	}
	return d.File.WriteAt(p, off)
}

// overlay keeps what is written to itself in blocks of 4 KiB, as the image of one machine does, and reads the rest from
// its base.
type overlay struct {
	base   io.ReaderAt
	blocks map[int64][]byte
}

func (d *overlay) ReadAt(p []byte, off int64) (int, error) {
	if n, err := d.base.ReadAt(p, off); err != nil {
		return n, err
	}
	return len(p), d.each(p, off, func(number int64, at int, part []byte) error {
		if block, ok := d.blocks[number]; ok {
			copy(part, block[at:])
		}
		return nil
	})
}

func (d *overlay) WriteAt(p []byte, off int64) (int, error) {
	return len(p), d.each(p, off, func(number int64, at int, part []byte) error {
		block, ok := d.blocks[number]
		if !ok {
			block = make([]byte, 4096)
			if _, err := d.base.ReadAt(block, number*4096); err != nil {
				return err
			}
			d.blocks[number] = block
		}
		copy(block[at:], part)
		return nil
	})
}

// each divides p at the borders of blocks.
func (d *overlay) each(p []byte, off int64, visit func(number int64, at int, part []byte) error) error {
	for len(p) > 0 {
		at := int(off % 4096)
		n := min(4096-at, len(p))
		if err := visit(off/4096, at, p[:n]); err != nil {
			return err
		}
		p, off = p[n:], off+int64(n)
	}
	return nil
}
