package ext4

import (
	"fmt"
	"slices"
	"time"
)

// An inode: struct ext4_inode, Documentation/filesystems/ext4/inodes.rst. Offsets in bytes.
const (
	// inodeBaseSize is EXT2_GOOD_OLD_INODE_SIZE, what every inode has; the extra fields follow it.
	inodeBaseSize = 128
	// newExtraSize is how much of the extra fields a new inode uses: up to and with i_projid.
	newExtraSize = 32
	rootInode    = 2

	iMode       = 0x0
	iUID        = 0x2
	iSizeLo     = 0x4
	iAtime      = 0x8
	iCtime      = 0xC
	iMtime      = 0x10
	iGID        = 0x18
	iLinksCount = 0x1A
	iBlocksLo   = 0x1C
	iFlags      = 0x20
	iBlock      = 0x28
	iGeneration = 0x64
	iFileACLLo  = 0x68
	iSizeHigh   = 0x6C
	iBlocksHigh = 0x74
	iFileACLHi  = 0x76
	iUIDHigh    = 0x78
	iGIDHigh    = 0x7A
	iChecksumLo = 0x7C

	iExtraIsize  = 0x80
	iChecksumHi  = 0x82
	iCtimeExtra  = 0x84
	iMtimeExtra  = 0x88
	iAtimeExtra  = 0x8C
	iCrtime      = 0x90
	iCrtimeExtra = 0x94

	// blockArea is the size of i_block: a map of blocks, the root of an extent tree, a short target or a device number.
	blockArea = 60

	// EXT4_HUGE_FILE_FL, EXT4_INDEX_FL and EXT4_EXTENTS_FL.
	flagIndex    = 0x1000
	flagHugeFile = 0x40000
	flagExtents  = 0x80000

	// The type bits of a mode, inode(7).
	typeMask    = 0xF000
	typeFifo    = 0x1000
	typeChar    = 0x2000
	typeDir     = 0x4000
	typeBlock   = 0x6000
	typeRegular = 0x8000
	typeSymlink = 0xA000
	typeSocket  = 0xC000

	// maxLinks is EXT4_LINK_MAX.
	maxLinks = 65000
	// maxFileBlocks is what the 32-bit block numbers of extents reach.
	maxFileBlocks = 1 << 32
	// sector is the unit of i_blocks.
	sector = 512
)

// inode is an inode in use; raw lies in the cached block of the inode table.
type inode struct {
	num   uint32
	raw   record
	home  *buffer
	dirty bool
}

// inode gives an inode that is in use, verified when it is first read.
func (f *FS) inode(num uint32) (*inode, error) {
	if in, ok := f.inodes[num]; ok {
		return in, nil
	}
	if num == 0 || num > f.geo.inodes || num != rootInode && num < f.geo.firstInode {
		return nil, corrupt("inode %d belongs to no file", num)
	}
	g, index := f.inodePlace(num)
	group := &f.groups[g]
	if f.sums.enabled && (group.has(bgInodeUninit) || index >= f.geo.inodesPerGroup-group.unusedInodes()) {
		return nil, corrupt("inode %d is in use, but lies in the unused part of its table", num)
	}
	in, err := f.inodeSlot(num)
	if err != nil {
		return nil, err
	}
	if f.sums.enabled {
		if lo, hi := in.checksum(f.sums); lo != in.raw.u16(iChecksumLo) || in.hasExtra(iChecksumHi, 2) && hi != in.raw.u16(iChecksumHi) {
			return nil, corrupt("inode %d does not match its checksum", num)
		}
	}
	if in.links() == 0 || in.raw.u16(iMode)&typeMask == 0 {
		return nil, corrupt("inode %d is in use, but has no links or no type", num)
	}
	if size := in.size(); size < 0 || f.blocksFor(size) > maxFileBlocks {
		return nil, corrupt("inode %d has %d bytes", num, uint64(size))
	}
	f.inodes[num] = in
	return in, nil
}

// inodePlace gives the group of an inode and its index there.
func (f *FS) inodePlace(num uint32) (group, index int) {
	return int(num-1) / f.geo.inodesPerGroup, int(num-1) % f.geo.inodesPerGroup
}

// inodeSlot gives an inode as it lies in its table, whether in use or not.
func (f *FS) inodeSlot(num uint32) (*inode, error) {
	g, index := f.inodePlace(num)
	offset := index * f.geo.inodeSize
	b, err := f.cache.get(f.groups[g].inodeTable() + uint64(offset/f.geo.blockSize))
	if err != nil {
		return nil, fmt.Errorf("read inode %d: %w", num, err)
	}
	at := offset % f.geo.blockSize
	return &inode{num: num, raw: b.data[at : at+f.geo.inodeSize : at+f.geo.inodeSize], home: b}, nil
}

// checksum gives the lower and the upper half.
func (in *inode) checksum(c checksummer) (lo, hi uint16) {
	plain := slices.Clone(in.raw)
	plain.put16(iChecksumLo, 0)
	if in.hasExtra(iChecksumHi, 2) {
		plain.put16(iChecksumHi, 0)
	}
	sum := crc32c(in.seed(c), plain)
	return uint16(sum), uint16(sum >> 16)
}

// seed is what the checksums of the inode's blocks begin with.
func (in *inode) seed(c checksummer) uint32 { return c.inodeSeed(in.num, in.raw.u32(iGeneration)) }

// seal brings the checksum of a changed inode up to date.
func (in *inode) seal(c checksummer) {
	if !in.dirty {
		return
	}
	if c.enabled {
		lo, hi := in.checksum(c)
		in.raw.put16(iChecksumLo, lo)
		if in.hasExtra(iChecksumHi, 2) {
			in.raw.put16(iChecksumHi, hi)
		}
	}
	in.home.dirty, in.dirty = true, false
}

// extraSize is the number of bytes of extra fields that the inode uses.
func (in *inode) extraSize() int {
	if len(in.raw) == inodeBaseSize {
		return 0
	}
	return min(int(in.raw.u16(iExtraIsize)), len(in.raw)-inodeBaseSize)
}

func (in *inode) hasExtra(off, size int) bool { return off+size <= inodeBaseSize+in.extraSize() }

func (in *inode) mode() uint16    { return in.raw.u16(iMode) }
func (in *inode) kind() uint16    { return in.mode() & typeMask }
func (in *inode) isDir() bool     { return in.kind() == typeDir }
func (in *inode) isSymlink() bool { return in.kind() == typeSymlink }
func (in *inode) links() int      { return int(in.raw.u16(iLinksCount)) }
func (in *inode) flags() uint32   { return in.raw.u32(iFlags) }
func (in *inode) uid() uint32     { return uint32(in.raw.u16(iUID)) | uint32(in.raw.u16(iUIDHigh))<<16 }

func (in *inode) gid() uint32  { return uint32(in.raw.u16(iGID)) | uint32(in.raw.u16(iGIDHigh))<<16 }
func (in *inode) area() record { return in.raw[iBlock : iBlock+blockArea] }

func (in *inode) put16(off int, v uint16) { in.raw.put16(off, v); in.dirty = true }
func (in *inode) put32(off int, v uint32) { in.raw.put32(off, v); in.dirty = true }
func (in *inode) setLinks(n int)          { in.put16(iLinksCount, uint16(n)) }
func (in *inode) setFlags(v uint32)       { in.put32(iFlags, v) }

// size in bytes; only regular files are larger than 4 GiB.
func (in *inode) size() int64 {
	n := int64(in.raw.u32(iSizeLo))
	if in.kind() == typeRegular {
		n |= int64(in.raw.u32(iSizeHigh)) << 32
	}
	return n
}

func (in *inode) setSize(n int64) {
	in.put32(iSizeLo, uint32(n))
	in.put32(iSizeHigh, uint32(n>>32))
}

func (in *inode) xattrBlock() uint64 {
	return uint64(in.raw.u32(iFileACLLo)) | uint64(in.raw.u16(iFileACLHi))<<32
}

func (in *inode) setXattrBlock(b uint64) {
	in.put32(iFileACLLo, uint32(b))
	in.put16(iFileACLHi, uint16(b>>32))
}

// addBlocks counts blocks that the inode owns more, or less, than before.
func (f *FS) addBlocks(in *inode, n int) error {
	unit := int64(f.geo.blockSize / sector)
	if in.flags()&flagHugeFile != 0 {
		unit = 1
	}
	count := int64(in.raw.u32(iBlocksLo)) | int64(in.raw.u16(iBlocksHigh))<<32
	count += int64(n) * unit
	if count < 0 {
		return corrupt("inode %d owns more blocks than it counts", in.num)
	}
	if count>>32 != 0 && f.geo.roCompat&roCompatHugeFile == 0 || count>>48 != 0 {
		return &UnsupportedError{Features: []string{"a file of 2 TiB without huge_file"}}
	}
	in.put32(iBlocksLo, uint32(count))
	in.put16(iBlocksHigh, uint16(count>>32))
	return nil
}

// setOwner sets user and group.
func (in *inode) setOwner(uid, gid uint32) {
	in.put16(iUID, uint16(uid))
	in.put16(iUIDHigh, uint16(uid>>16))
	in.put16(iGID, uint16(gid))
	in.put16(iGIDHigh, uint16(gid>>16))
}

// setTimes sets all times to the second.
func (in *inode) setTimes(t time.Time) {
	seconds := t.Unix()
	// The two lowest bits of an extra field extend the signed 32 bits; the rest are nanoseconds.
	extra := uint32((seconds-int64(int32(seconds)))>>32) & 3
	for _, field := range []struct{ time, extra int }{
		{iAtime, iAtimeExtra}, {iCtime, iCtimeExtra}, {iMtime, iMtimeExtra}, {iCrtime, iCrtimeExtra},
	} {
		if field.time < inodeBaseSize || in.hasExtra(field.time, 4) {
			in.put32(field.time, uint32(seconds))
		}
		if in.hasExtra(field.extra, 4) {
			in.put32(field.extra, extra)
		}
	}
}

// modTime is the time of the last change of the content.
func (in *inode) modTime() time.Time {
	seconds, nanos := int64(int32(in.raw.u32(iMtime))), int64(0)
	if in.hasExtra(iMtimeExtra, 4) {
		extra := in.raw.u32(iMtimeExtra)
		seconds += int64(extra&3) << 32
		nanos = int64(extra >> 2)
	}
	return time.Unix(seconds, nanos).UTC()
}
