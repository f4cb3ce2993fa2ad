package ext4

import "fmt"

// A group descriptor: struct ext4_group_desc, Documentation/filesystems/ext4/group_descr.rst. Offsets in bytes; the
// upper halves are there in descriptors of 64 bytes.
const (
	bgBlockBitmapLo     = 0x0
	bgInodeBitmapLo     = 0x4
	bgInodeTableLo      = 0x8
	bgFreeBlocksCountLo = 0xC
	bgFreeInodesCountLo = 0xE
	bgUsedDirsCountLo   = 0x10
	bgFlags             = 0x12
	bgBlockBitmapCsumLo = 0x18
	bgInodeBitmapCsumLo = 0x1A
	bgItableUnusedLo    = 0x1C
	bgChecksum          = 0x1E
	bgBlockBitmapHi     = 0x20
	bgInodeBitmapHi     = 0x24
	bgInodeTableHi      = 0x28
	bgFreeBlocksCountHi = 0x2C
	bgFreeInodesCountHi = 0x2E
	bgUsedDirsCountHi   = 0x30
	bgItableUnusedHi    = 0x32
	bgBlockBitmapCsumHi = 0x38
	bgInodeBitmapCsumHi = 0x3A

	// EXT4_BG_INODE_UNINIT and EXT4_BG_BLOCK_UNINIT: the bitmap on the disk is not valid yet.
	bgInodeUninit = 0x1
	bgBlockUninit = 0x2
)

// group is a block group: its descriptor, which lies in the cached descriptor block, and its bitmaps once loaded.
type group struct {
	desc  record
	home  *buffer
	dirty bool
	// blockBits and inodeBits are nil until they are needed.
	blockBits, inodeBits *buffer
}

// number joins a 16-bit field with its upper half.
func (g *group) number(lo, hi int) int {
	n := int(g.desc.u16(lo))
	if len(g.desc) > hi {
		n |= int(g.desc.u16(hi)) << 16
	}
	return n
}

func (g *group) setNumber(lo, hi, n int) {
	g.desc.put16(lo, uint16(n))
	if len(g.desc) > hi {
		g.desc.put16(hi, uint16(n>>16))
	}
	g.dirty = true
}

func (g *group) place(lo, hi int) uint64 {
	b := uint64(g.desc.u32(lo))
	if len(g.desc) > hi {
		b |= uint64(g.desc.u32(hi)) << 32
	}
	return b
}

func (g *group) blockBitmap() uint64 { return g.place(bgBlockBitmapLo, bgBlockBitmapHi) }
func (g *group) inodeBitmap() uint64 { return g.place(bgInodeBitmapLo, bgInodeBitmapHi) }
func (g *group) inodeTable() uint64  { return g.place(bgInodeTableLo, bgInodeTableHi) }

func (g *group) freeBlocks() int { return g.number(bgFreeBlocksCountLo, bgFreeBlocksCountHi) }
func (g *group) freeInodes() int { return g.number(bgFreeInodesCountLo, bgFreeInodesCountHi) }
func (g *group) addFreeBlocks(n int) {
	g.setNumber(bgFreeBlocksCountLo, bgFreeBlocksCountHi, g.freeBlocks()+n)
}

func (g *group) addFreeInodes(n int) {
	g.setNumber(bgFreeInodesCountLo, bgFreeInodesCountHi, g.freeInodes()+n)
}
func (g *group) unusedInodes() int { return g.number(bgItableUnusedLo, bgItableUnusedHi) }

func (g *group) addDirs(n int) {
	g.setNumber(bgUsedDirsCountLo, bgUsedDirsCountHi, g.number(bgUsedDirsCountLo, bgUsedDirsCountHi)+n)
}

func (g *group) has(flag uint16) bool { return g.desc.u16(bgFlags)&flag != 0 }

func (g *group) clearFlag(flag uint16) {
	g.desc.put16(bgFlags, g.desc.u16(bgFlags)&^flag)
	g.dirty = true
}

// checksum is the whole 32 bits; a descriptor has room for the lower half.
func (g *group) checksum(c checksummer, num int) uint16 {
	return uint16(crc32cGap(crc32cNumber(c.seed, uint32(num)), g.desc, bgChecksum, 2))
}

// loadGroups reads all group descriptors, which follow the superblock's block.
func (f *FS) loadGroups() error {
	perBlock := f.geo.blockSize / f.geo.descSize
	for i := range f.geo.groups {
		b, err := f.cache.get(f.geo.firstBlock + 1 + uint64(i/perBlock))
		if err != nil {
			return fmt.Errorf("read group descriptors: %w", err)
		}
		at := i % perBlock * f.geo.descSize
		g := group{desc: b.data[at : at+f.geo.descSize], home: b}
		if err := f.checkGroup(&g, i); err != nil {
			return err
		}
		f.groups = append(f.groups, g)
	}
	return nil
}

func (f *FS) checkGroup(g *group, num int) error {
	if f.sums.enabled {
		if sum := g.checksum(f.sums, num); sum != g.desc.u16(bgChecksum) {
			return corrupt("the checksum of group descriptor %d is %#04x, not %#04x", num, g.desc.u16(bgChecksum), sum)
		}
	}
	if g.freeBlocks() > f.geo.groupBlocks(num) || g.freeInodes() > f.geo.inodesPerGroup || g.unusedInodes() > g.freeInodes() {
		return corrupt("group %d has %d free blocks, %d free and %d unused inodes", num, g.freeBlocks(), g.freeInodes(), g.unusedInodes())
	}
	return nil
}

// sealGroup brings the checksums of a group up to date.
func (f *FS) sealGroup(num int) {
	g := &f.groups[num]
	if !g.dirty {
		return
	}
	if f.sums.enabled {
		if g.blockBits != nil {
			f.setBitmapChecksum(g, bgBlockBitmapCsumLo, bgBlockBitmapCsumHi, f.blockBitmapSum(g.blockBits))
		}
		if g.inodeBits != nil {
			f.setBitmapChecksum(g, bgInodeBitmapCsumLo, bgInodeBitmapCsumHi, f.inodeBitmapSum(g.inodeBits))
		}
		g.desc.put16(bgChecksum, g.checksum(f.sums, num))
	}
	g.home.dirty, g.dirty = true, false
}
