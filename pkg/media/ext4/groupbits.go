package ext4

// blockBits gives the block bitmap of a group, loaded and verified, or made when the group has never been used.
func (f *FS) blockBits(num int) (bitmap, error) {
	g := &f.groups[num]
	if g.blockBits != nil {
		return bitmap(g.blockBits.data), nil
	}
	if f.sums.enabled && g.has(bgBlockUninit) {
		return f.initBlockBits(num)
	}
	b, err := f.cache.get(g.blockBitmap())
	if err != nil {
		return nil, err
	}
	if f.sums.enabled && !bitmapSumMatches(g, bgBlockBitmapCsumLo, bgBlockBitmapCsumHi, f.blockBitmapSum(b)) {
		return nil, corrupt("the block bitmap of group %d does not match its checksum", num)
	}
	if free := bitmap(b.data).clearCount(f.geo.groupBlocks(num)); free != g.freeBlocks() {
		return nil, corrupt("group %d says that it has %d free blocks, its bitmap has %d", num, g.freeBlocks(), free)
	}
	g.blockBits = b
	return bitmap(b.data), nil
}

// initBlockBits makes the bitmap of a group in which only the file system's own structures are.
func (f *FS) initBlockBits(num int) (bitmap, error) {
	g := &f.groups[num]
	start, count := f.geo.groupStart(num), f.geo.groupBlocks(num)
	b := f.cache.fresh(g.blockBitmap())
	bits := bitmap(b.data)
	for i := firstAfter(f.zones, start); i < len(f.zones) && f.zones[i].start < start+uint64(count); i++ {
		from := max(f.zones[i].start, start) - start
		to := min(f.zones[i].end-start, uint64(count))
		bits.setRange(int(from), int(to))
	}
	// Bits that stand for no block are set: ext4_mark_bitmap_end() in the kernel.
	bits.setRange(count, 8*f.geo.blockSize)
	if free := bits.clearCount(count); free != g.freeBlocks() {
		return nil, corrupt("the unused group %d has %d free blocks, not %d", num, free, g.freeBlocks())
	}
	g.clearFlag(bgBlockUninit)
	g.blockBits = b
	return bits, nil
}

// inodeBits gives the inode bitmap of a group, loaded and verified, or made when the group has never been used.
func (f *FS) inodeBits(num int) (bitmap, error) {
	g := &f.groups[num]
	if g.inodeBits != nil {
		return bitmap(g.inodeBits.data), nil
	}
	if f.sums.enabled && g.has(bgInodeUninit) {
		b := f.cache.fresh(g.inodeBitmap())
		bitmap(b.data).setRange(f.geo.inodesPerGroup, 8*f.geo.blockSize)
		g.clearFlag(bgInodeUninit)
		g.inodeBits = b
		return bitmap(b.data), nil
	}
	b, err := f.cache.get(g.inodeBitmap())
	if err != nil {
		return nil, err
	}
	if f.sums.enabled && !bitmapSumMatches(g, bgInodeBitmapCsumLo, bgInodeBitmapCsumHi, f.inodeBitmapSum(b)) {
		return nil, corrupt("the inode bitmap of group %d does not match its checksum", num)
	}
	if free := bitmap(b.data).clearCount(f.geo.inodesPerGroup); free != g.freeInodes() {
		return nil, corrupt("group %d says that it has %d free inodes, its bitmap has %d", num, g.freeInodes(), free)
	}
	g.inodeBits = b
	return bitmap(b.data), nil
}

// The checksum of a bitmap covers the bits of a full group, even in a last group that is smaller.
func (f *FS) blockBitmapSum(b *buffer) uint32 {
	return crc32c(f.sums.seed, b.data[:f.geo.blocksPerGroup/8])
}

func (f *FS) inodeBitmapSum(b *buffer) uint32 {
	return crc32c(f.sums.seed, b.data[:f.geo.inodesPerGroup/8])
}

// bitmapSumMatches compares as much of a checksum as the descriptor has room for.
func bitmapSumMatches(g *group, lo, hi int, sum uint32) bool {
	if g.desc.u16(lo) != uint16(sum) {
		return false
	}
	return len(g.desc) <= hi || g.desc.u16(hi) == uint16(sum>>16)
}

func (f *FS) setBitmapChecksum(g *group, lo, hi int, sum uint32) {
	g.desc.put16(lo, uint16(sum))
	if len(g.desc) > hi {
		g.desc.put16(hi, uint16(sum>>16))
	}
}
