package ext4

import "fmt"

// The superblock: struct ext4_super_block, Documentation/filesystems/ext4/super.rst. Offsets in bytes.
const (
	superblockOffset = 1024
	superblockSize   = 1024
	superMagic       = 0xEF53
	revisionDynamic  = 1
	stateValid       = 0x1
	// flagUnsignedHash is EXT2_FLAGS_UNSIGNED_HASH: names count as unsigned characters in directory hashes.
	flagUnsignedHash = 0x2
	// checksumCrc32c is the one known type of checksum.
	checksumCrc32c = 1

	sInodesCount       = 0x0
	sBlocksCountLo     = 0x4
	sFreeBlocksCountLo = 0xC
	sFreeInodesCount   = 0x10
	sFirstDataBlock    = 0x14
	sLogBlockSize      = 0x18
	sBlocksPerGroup    = 0x20
	sInodesPerGroup    = 0x28
	sMagic             = 0x38
	sState             = 0x3A
	sRevLevel          = 0x4C
	sFirstIno          = 0x54
	sInodeSize         = 0x58
	sFeatureCompat     = 0x5C
	sFeatureIncompat   = 0x60
	sFeatureRoCompat   = 0x64
	sUUID              = 0x68
	sReservedGdtBlocks = 0xCE
	sLastOrphan        = 0xE8
	sHashSeed          = 0xEC
	sDescSize          = 0xFE
	sBlocksCountHi     = 0x150
	sFreeBlocksCountHi = 0x158
	sFlags             = 0x160
	sChecksumType      = 0x175
	sChecksum          = 0x3FC
)

// geometry is what a superblock says of the layout, which never changes.
type geometry struct {
	blockSize       int
	blocks          uint64
	firstBlock      uint64
	blocksPerGroup  int
	inodes          uint32
	inodesPerGroup  int
	inodeSize       int
	firstInode      uint32
	descSize        int
	reservedGdt     int
	groups          int
	compat          uint32
	roCompat        uint32
	hashSeed        [4]uint32
	hashUnsigned    bool
	inodeTableBlock int // blocks of one group's inode table
}

// parseSuperblock checks a superblock and gives what it says.
func parseSuperblock(sb record) (geometry, error) {
	if sb.u16(sMagic) != superMagic {
		return geometry{}, corrupt("the superblock has the magic number %#x, not %#x: no ext4 file system", sb.u16(sMagic), superMagic)
	}
	if sb.u32(sRevLevel) != revisionDynamic {
		return geometry{}, &UnsupportedError{Features: []string{fmt.Sprintf("revision %d", sb.u32(sRevLevel))}}
	}
	incompat := sb.u32(sFeatureIncompat)
	g := geometry{compat: sb.u32(sFeatureCompat), roCompat: sb.u32(sFeatureRoCompat)}
	if err := checkFeatures(g.compat, incompat, g.roCompat); err != nil {
		return g, err
	}
	if g.roCompat&roCompatMetadataCsum != 0 {
		if sb[sChecksumType] != checksumCrc32c {
			return g, &UnsupportedError{Features: []string{fmt.Sprintf("checksum type %d", sb[sChecksumType])}}
		}
		if sum := crc32c(^uint32(0), sb[:sChecksum]); sum != sb.u32(sChecksum) {
			return g, corrupt("the superblock's checksum is %#08x, not %#08x", sb.u32(sChecksum), sum)
		}
	}
	if state := sb.u16(sState); state != stateValid {
		return g, fmt.Errorf("%w: its state is %#x", ErrNotClean, state)
	}
	if orphan := sb.u32(sLastOrphan); orphan != 0 {
		return g, fmt.Errorf("%w: inode %d is an orphan", ErrNotClean, orphan)
	}
	return g, g.read(sb, incompat&incompat64Bit != 0)
}

// read takes the sizes out of a superblock and checks that they fit together.
func (g *geometry) read(sb record, wide bool) error {
	logSize := sb.u32(sLogBlockSize)
	if logSize > 2 {
		return &UnsupportedError{Features: []string{fmt.Sprintf("blocks of 2^%d KiB", logSize)}}
	}
	g.blockSize = 1024 << logSize
	g.blocks = uint64(sb.u32(sBlocksCountLo))
	g.descSize = 32
	if wide {
		g.blocks |= uint64(sb.u32(sBlocksCountHi)) << 32
		g.descSize = int(sb.u16(sDescSize))
	}
	g.firstBlock = uint64(sb.u32(sFirstDataBlock))
	g.blocksPerGroup, g.inodesPerGroup = int(sb.u32(sBlocksPerGroup)), int(sb.u32(sInodesPerGroup))
	g.inodes, g.firstInode = sb.u32(sInodesCount), sb.u32(sFirstIno)
	g.inodeSize, g.reservedGdt = int(sb.u16(sInodeSize)), int(sb.u16(sReservedGdtBlocks))
	for i := range g.hashSeed {
		g.hashSeed[i] = sb.u32(sHashSeed + 4*i)
	}
	g.hashUnsigned = sb.u32(sFlags)&flagUnsignedHash != 0
	if err := g.check(wide); err != nil {
		return err
	}
	g.groups = int((g.blocks - g.firstBlock + uint64(g.blocksPerGroup) - 1) / uint64(g.blocksPerGroup))
	if uint64(g.groups)*uint64(g.inodesPerGroup) != uint64(g.inodes) {
		return corrupt("%d groups of %d inodes do not make %d inodes", g.groups, g.inodesPerGroup, g.inodes)
	}
	g.inodeTableBlock = (g.inodesPerGroup*g.inodeSize + g.blockSize - 1) / g.blockSize
	return nil
}

func (g *geometry) check(wide bool) error {
	bits := g.blockSize * 8
	powerOfTwo := func(n int) bool { return n > 0 && n&(n-1) == 0 }
	switch {
	case g.firstBlock != uint64(1024/g.blockSize):
		return corrupt("the first data block is %d", g.firstBlock)
	case g.blocks <= g.firstBlock || g.blocks > 1<<48:
		return corrupt("it has %d blocks", g.blocks)
	case g.blocksPerGroup < 8 || g.blocksPerGroup > bits || g.blocksPerGroup%8 != 0:
		return corrupt("it has %d blocks per group", g.blocksPerGroup)
	case g.inodesPerGroup < 8 || g.inodesPerGroup > bits || g.inodesPerGroup%8 != 0:
		return corrupt("it has %d inodes per group", g.inodesPerGroup)
	case g.inodeSize < inodeBaseSize || g.inodeSize > g.blockSize || !powerOfTwo(g.inodeSize):
		return corrupt("its inodes have %d bytes", g.inodeSize)
	case wide && (g.descSize < 64 || g.descSize > 1024 || !powerOfTwo(g.descSize)):
		return corrupt("its group descriptors have %d bytes", g.descSize)
	case g.firstInode <= rootInode || int(g.firstInode) > g.inodesPerGroup || g.reservedGdt > g.blockSize/4:
		return corrupt("inode %d is the first that is not reserved, and %d descriptor blocks are", g.firstInode, g.reservedGdt)
	}
	return nil
}

func (g *geometry) groupOf(block uint64) int {
	return int((block - g.firstBlock) / uint64(g.blocksPerGroup))
}

// groupStart is the first block of a group.
func (g *geometry) groupStart(group int) uint64 {
	return g.firstBlock + uint64(group)*uint64(g.blocksPerGroup)
}

// groupBlocks is the number of blocks of a group; the last one may have fewer.
func (g *geometry) groupBlocks(group int) int {
	return int(min(uint64(g.blocksPerGroup), g.blocks-g.groupStart(group)))
}

func (g *geometry) descBlocks() int {
	perBlock := g.blockSize / g.descSize
	return (g.groups + perBlock - 1) / perBlock
}

// hasSuper tells whether a group begins with a superblock and the descriptors: all groups do, or with sparse_super
// 0, 1 and the powers of 3, 5 and 7.
func (g *geometry) hasSuper(group int) bool {
	if g.roCompat&roCompatSparseSuper == 0 || group <= 1 {
		return true
	}
	for _, base := range []int{3, 5, 7} {
		n := base
		for n < group {
			n *= base
		}
		if n == group {
			return true
		}
	}
	return false
}
