package ext4

import "slices"

// appendRuns adds runs of blocks behind the last extent, which they continue where they can.
func appendRuns(extents []extent, logical uint64, runs []run) []extent {
	for _, r := range runs {
		for r.length > 0 {
			n := min(r.length, maxExtent)
			if last := len(extents) - 1; last >= 0 {
				x := &extents[last]
				if !x.unwritten && x.end() == logical && x.start+uint64(x.length) == r.start && x.length < maxExtent {
					n = min(n, maxExtent-x.length)
					x.length += n
					logical, r.start, r.length = logical+uint64(n), r.start+uint64(n), r.length-n
					continue
				}
			}
			extents = append(extents, extent{logical: logical, start: r.start, length: n})
			logical, r.start, r.length = logical+uint64(n), r.start+uint64(n), r.length-n
		}
	}
	return extents
}

// setExtents makes the tree from the extents, the lowest level first, until a level fits into the inode. The nodes of
// the tree that it replaces are used again, and those left over given back.
func (f *FS) setExtents(in *inode, extents []extent, old []uint64) error {
	level := make([]record, 0, len(extents))
	for _, x := range extents {
		level = append(level, x.encode())
	}
	depth, spare := 0, slices.Clone(old)
	for ; len(level) > nodeMax(blockArea); depth++ {
		var next []record
		for chunk := range slices.Chunk(level, nodeMax(f.geo.blockSize)) {
			block, err := f.nodeBlock(in, &spare)
			if err != nil {
				return err
			}
			b := f.cache.fresh(block)
			putNode(b.data, depth, chunk)
			if f.sums.enabled {
				at, sum := extentTail(b.data, in.seed(f.sums))
				b.data.put32(at, sum)
			}
			next = append(next, indexEntry(chunk[0].u32(eeBlock), block))
		}
		level = next
	}
	for _, block := range spare {
		if err := f.release(block, 1); err != nil {
			return err
		}
	}
	clear(in.area())
	putNode(in.area(), depth, level)
	in.setFlags(in.flags() | flagExtents)
	return f.addBlocks(in, -len(spare))
}

// nodeBlock gives a block for a node: a spare one, or a new one that the inode then owns.
func (f *FS) nodeBlock(in *inode, spare *[]uint64) (uint64, error) {
	if n := len(*spare); n > 0 {
		block := (*spare)[n-1]
		*spare = (*spare)[:n-1]
		return block, nil
	}
	block, err := f.allocateBlock()
	if err != nil {
		return 0, err
	}
	return block, f.addBlocks(in, 1)
}

func putNode(node record, depth int, entries []record) {
	node.put16(ehMagic, extentMagic)
	node.put16(ehEntries, uint16(len(entries)))
	node.put16(ehMax, uint16(nodeMax(len(node))))
	node.put16(ehDepth, uint16(depth))
	for i, e := range entries {
		copy(node[(i+1)*extentEntrySize:], e)
	}
}

func (x extent) encode() record {
	e := make(record, extentEntrySize)
	length := x.length
	if x.unwritten {
		length += maxExtent
	}
	e.put32(eeBlock, uint32(x.logical))
	e.put16(eeLen, uint16(length))
	e.put16(eeStartHi, uint16(x.start>>32))
	e.put32(eeStartLo, uint32(x.start))
	return e
}

func indexEntry(logical uint32, block uint64) record {
	e := make(record, extentEntrySize)
	e.put32(eiBlock, logical)
	e.put32(eiLeafLo, uint32(block))
	e.put16(eiLeafHi, uint16(block>>32))
	return e
}
