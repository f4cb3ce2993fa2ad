package ext4

import (
	"errors"
	"fmt"
	"io"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// copySize is how much of a file's content is in memory at once, in bytes: a multiple of every block size.
const copySize = 1 << 20

// writeContent takes the blocks for a new file's content and copies it there.
func (f *FS) writeContent(in *inode, n tree.Node) (err error) {
	r, err := n.Open()
	if err != nil {
		return fmt.Errorf("open the content: %w", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	runs, err := f.mapBlocks(in, n.Size)
	if err != nil {
		return err
	}
	// One byte more than announced is asked for, to notice a file that has grown.
	content := io.LimitReader(r, n.Size+1)
	buf := make([]byte, min(copySize, (n.Size+int64(f.geo.blockSize))/int64(f.geo.blockSize)*int64(f.geo.blockSize)))
	left := n.Size
	for _, r := range runs {
		at, end := int64(r.start)*int64(f.geo.blockSize), int64(r.start+uint64(r.length))*int64(f.geo.blockSize)
		for at < end {
			piece := buf[:min(int64(len(buf)), end-at)]
			want := min(int64(len(piece)), left)
			if _, err := io.ReadFull(content, piece[:want]); err != nil {
				return fmt.Errorf("read the content, of which %d of %d bytes are missing: %w", left, n.Size, err)
			}
			clear(piece[want:])
			if _, err := f.cache.dev.WriteAt(piece, at); err != nil {
				return fmt.Errorf("write the content: %w", err)
			}
			at, left = at+int64(len(piece)), left-want
		}
	}
	switch extra, err := io.ReadFull(content, buf[:1]); {
	case extra > 0:
		return fmt.Errorf("the content has more than the announced %d bytes", n.Size)
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("read the content: %w", err)
	}
	return nil
}

// mapBlocks makes the inode one of that many bytes, with blocks for all of them.
func (f *FS) mapBlocks(in *inode, size int64) ([]run, error) {
	blocks := f.blocksFor(size)
	if blocks >= maxFileBlocks {
		return nil, fmt.Errorf("%d bytes are more than a file of ext4 can have", size)
	}
	if size >= 1<<31 && f.geo.roCompat&roCompatLargeFile == 0 {
		return nil, &UnsupportedError{Features: []string{"^large_file, but a file has 2 GiB or more"}}
	}
	runs, err := f.allocate(int(blocks))
	if err != nil {
		return nil, err
	}
	in.setSize(size)
	if err := f.addBlocks(in, int(blocks)); err != nil {
		return nil, err
	}
	return runs, f.setExtents(in, appendRuns(nil, 0, runs), nil)
}

// blocksFor is how many blocks that many bytes fill.
func (f *FS) blocksFor(size int64) int64 {
	blocks := size / int64(f.geo.blockSize)
	if size%int64(f.geo.blockSize) != 0 {
		blocks++
	}
	return blocks
}

// writeTarget gives a symbolic link its target, in the inode when it is short.
func (f *FS) writeTarget(in *inode, target string) error {
	if len(target) < blockArea {
		copy(in.area(), target)
		in.setSize(int64(len(target)))
		return nil
	}
	runs, err := f.mapBlocks(in, int64(len(target)))
	if err != nil {
		return err
	}
	block := make([]byte, f.geo.blockSize)
	copy(block, target)
	if _, err := f.cache.dev.WriteAt(block, int64(runs[0].start)*int64(f.geo.blockSize)); err != nil {
		return fmt.Errorf("write the target: %w", err)
	}
	return nil
}

// setDevice gives a device its numbers: as old_encode_dev() of the kernel has them where they fit, and otherwise as
// new_encode_dev() does, in the second word.
func (in *inode) setDevice(major, minor uint32) {
	if major < 256 && minor < 256 {
		in.area().put32(0, major<<8|minor)
	} else {
		in.area().put32(4, minor&0xff|major<<8|minor&^0xff<<12)
	}
	in.dirty = true
}

// device gives the numbers of a device.
func (in *inode) device() (major, minor uint32) {
	if old := in.area().u32(0); old != 0 {
		return old >> 8 & 0xff, old & 0xff
	}
	wide := in.area().u32(4)
	return wide >> 8 & 0xfff, wide&0xff | wide>>12&0xfff00
}

// releaseContent gives back all blocks of an inode, those of its map and of its extended attributes included.
func (f *FS) releaseContent(in *inode) error {
	if err := f.dropXattrBlock(in); err != nil {
		return err
	}
	switch in.kind() {
	case typeRegular, typeDir:
	case typeSymlink:
		if in.flags()&flagExtents == 0 {
			return nil
		}
	default:
		return nil
	}
	t, err := f.extents(in)
	if err != nil {
		return err
	}
	for _, x := range t.extents {
		if err := f.release(x.start, x.length); err != nil {
			return err
		}
	}
	for _, block := range t.nodes {
		if err := f.release(block, 1); err != nil {
			return err
		}
	}
	return nil
}
