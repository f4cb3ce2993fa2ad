package ext4

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// FS is an open file system. It is not safe for concurrent use.
//
// Changes to metadata stay in memory until Flush; contents of files go to the device as they are written. Between the
// first Write and a Flush that succeeds the device therefore holds no consistent file system: write to a copy.
type FS struct {
	cache  cache
	geo    geometry
	sums   checksummer
	super  record
	home   *buffer // the block with the superblock
	groups []group
	zones  []zone
	inodes map[uint32]*inode
	dirs   map[uint32]*dir
	// nextBlock and nextInodeGroup are where the search for something free goes on.
	nextBlock      uint64
	nextInodeGroup int
	freeBlocks     uint64
	freeInodes     uint64
	// broken is why an earlier Write failed, after which nothing may be flushed.
	broken error
}

// Open reads the superblock and the group descriptors of the file system on the device.
//
// It refuses what it could damage: an *UnsupportedError names features that are not supported, ErrNotClean is a file
// system that is to be repaired or whose journal is to be replayed first, ErrCorrupt a structure that contradicts
// itself or its checksum.
func Open(dev Device) (*FS, error) {
	f, err := open(dev)
	if err != nil {
		return nil, fmt.Errorf("open ext4: %w", err)
	}
	return f, nil
}

func open(dev Device) (*FS, error) {
	sb := make(record, superblockSize)
	if err := readFull(dev, sb, superblockOffset); err != nil {
		return nil, fmt.Errorf("read superblock: %w", err)
	}
	geo, err := parseSuperblock(sb)
	if err != nil {
		return nil, err
	}
	f := &FS{
		cache:  cache{dev: dev, blockSize: geo.blockSize, buffers: map[uint64]*buffer{}},
		geo:    geo,
		sums:   newChecksummer(geo.roCompat&roCompatMetadataCsum != 0, sb[sUUID:sUUID+16]),
		inodes: map[uint32]*inode{},
		dirs:   map[uint32]*dir{},
	}
	if f.home, err = f.cache.get(uint64(superblockOffset / geo.blockSize)); err != nil {
		return nil, err
	}
	f.super = f.home.data[superblockOffset%geo.blockSize:][:superblockSize]
	if err := f.loadGroups(); err != nil {
		return nil, err
	}
	if f.zones, err = systemZones(&f.geo, f.groups); err != nil {
		return nil, err
	}
	// The counts of the superblock may lag behind those of the groups, which are what the kernel sums up when it mounts.
	for i := range f.groups {
		f.freeBlocks += uint64(f.groups[i].freeBlocks())
		f.freeInodes += uint64(f.groups[i].freeInodes())
	}
	return f, nil
}

// Usage says how full a file system is.
type Usage struct {
	// BlockSize in bytes.
	BlockSize          int64
	Blocks, FreeBlocks uint64
	Inodes, FreeInodes uint64
}

// Usage counts what is free, the blocks that are reserved for root included.
func (f *FS) Usage() Usage {
	return Usage{
		BlockSize: int64(f.geo.blockSize),
		Blocks:    f.geo.blocks, FreeBlocks: f.freeBlocks,
		Inodes: uint64(f.geo.inodes), FreeInodes: f.freeInodes,
	}
}

// Flush writes the metadata that changed to the device, each block once. After a failed Write it writes nothing.
//
// The copies of the superblock and of the group descriptors are left as mkfs.ext4 made them, as the kernel leaves them.
func (f *FS) Flush() error {
	if f.broken != nil {
		return fmt.Errorf("flush ext4: an earlier write failed: %w", f.broken)
	}
	for _, num := range slices.Sorted(maps.Keys(f.inodes)) {
		f.inodes[num].seal(f.sums)
	}
	for i := range f.groups {
		f.sealGroup(i)
	}
	f.sealSuper()
	if err := f.cache.flush(); err != nil {
		f.broken = err
		return fmt.Errorf("flush ext4: %w", err)
	}
	return nil
}

// sealSuper brings the counts and the checksum of the superblock up to date, and marks it when they differ.
func (f *FS) sealSuper() {
	before := slices.Clone(f.super)
	f.super.put32(sFreeBlocksCountLo, uint32(f.freeBlocks))
	if f.geo.descSize >= 64 {
		f.super.put32(sFreeBlocksCountHi, uint32(f.freeBlocks>>32))
	}
	f.super.put32(sFreeInodesCount, uint32(f.freeInodes))
	if f.sums.enabled {
		f.super.put32(sChecksum, crc32c(^uint32(0), f.super[:sChecksum]))
	}
	if !slices.Equal(before, f.super) {
		f.home.dirty = true
	}
}

// fail remembers the first error of a write.
func (f *FS) fail(err error) error {
	f.broken = errors.Join(f.broken, err)
	return err
}
