package ext4

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// storedXattrs gives the attributes in the order in which a block has to hold them.
func storedXattrs(attrs map[string][]byte) ([]xattr, error) {
	var xattrs []xattr
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		x, err := newXattr(name, attrs[name])
		if err != nil {
			return nil, err
		}
		xattrs = append(xattrs, x)
	}
	slices.SortFunc(xattrs, func(a, b xattr) int {
		return cmp.Or(cmp.Compare(a.index, b.index), cmp.Compare(len(a.name), len(b.name)), cmp.Compare(a.name, b.name))
	})
	return xattrs, nil
}

// splitXattrs divides attributes between an area of that many bytes in the inode and the block.
func splitXattrs(xattrs []xattr, area int) (inInode, inBlock []xattr) {
	area -= xattrInodeHeader + 4
	for _, x := range xattrs {
		if size := x.entrySize() + x.valueSize(); size <= area {
			area -= size
			inInode = append(inInode, x)
		} else {
			inBlock = append(inBlock, x)
		}
	}
	return inInode, inBlock
}

// xattrArea is where attributes lie in the inode; nil when there is no room.
func (in *inode) xattrArea() record {
	if at := inodeBaseSize + in.extraSize(); len(in.raw) > inodeBaseSize && at+xattrInodeHeader+4 <= len(in.raw) {
		return in.raw[at:]
	}
	return nil
}

// setXattrs gives the inode these attributes and no others.
func (f *FS) setXattrs(in *inode, attrs map[string][]byte) error {
	xattrs, err := storedXattrs(attrs)
	if err != nil {
		return err
	}
	if len(xattrs) > 0 && f.geo.compat&compatExtAttr == 0 {
		return &UnsupportedError{Features: []string{"^ext_attr, but there are extended attributes"}}
	}
	if err := f.dropXattrBlock(in); err != nil {
		return err
	}
	area := in.xattrArea()
	inInode, inBlock := splitXattrs(xattrs, len(area))
	clear(area)
	in.dirty = true
	if len(inInode) > 0 {
		area.put32(hMagic, xattrMagic)
		// Offsets count from the first entry, behind the magic number.
		putXattrs(area[xattrInodeHeader:], 0, inInode)
	}
	if len(inBlock) > 0 {
		return f.addXattrBlock(in, inBlock)
	}
	return nil
}

// addXattrBlock puts attributes into a new block.
func (f *FS) addXattrBlock(in *inode, xattrs []xattr) error {
	size := xattrBlockHeader + 4
	for _, x := range xattrs {
		size += x.entrySize() + x.valueSize()
	}
	if size > f.geo.blockSize {
		return fmt.Errorf("extended attributes of %d bytes do not fit into a block of %d", size, f.geo.blockSize)
	}
	block, err := f.allocateBlock()
	if err != nil {
		return err
	}
	b := f.cache.fresh(block)
	b.data.put32(hMagic, xattrMagic)
	b.data.put32(hRefcount, 1)
	b.data.put32(hBlocks, 1)
	putXattrs(b.data[xattrBlockHeader:], xattrBlockHeader, xattrs)
	hash := uint32(0)
	for _, x := range xattrs {
		if x.hash() == 0 {
			// An attribute without a hash makes the block one that can not be shared.
			hash = 0
			break
		}
		hash = hash<<16 ^ hash>>16 ^ x.hash()
	}
	b.data.put32(hHash, hash)
	f.sealXattrBlock(b)
	in.setXattrBlock(block)
	return f.addBlocks(in, 1)
}

// xattrBuffer gives the inode's block of attributes, verified.
func (f *FS) xattrBuffer(in *inode) (*buffer, error) {
	block := in.xattrBlock()
	if err := f.checkData(block, 1); err != nil {
		return nil, err
	}
	b, err := f.cache.get(block)
	if err != nil {
		return nil, err
	}
	if b.data.u32(hMagic) != xattrMagic || b.data.u32(hBlocks) != 1 || b.data.u32(hRefcount) == 0 {
		return nil, corrupt("block %d of inode %d holds no extended attributes", block, in.num)
	}
	if f.sums.enabled && f.xattrSum(b) != b.data.u32(hChecksum) {
		return nil, corrupt("the extended attributes in block %d do not match their checksum", block)
	}
	return b, nil
}

// xattrSum is seeded with the block's own number instead of an inode, since inodes can share it.
func (f *FS) xattrSum(b *buffer) uint32 {
	seed := crc32cNumber(crc32cNumber(f.sums.seed, uint32(b.block)), uint32(b.block>>32))
	return crc32cGap(seed, b.data, hChecksum, 4)
}

func (f *FS) sealXattrBlock(b *buffer) {
	b.dirty = true
	if f.sums.enabled {
		b.data.put32(hChecksum, f.xattrSum(b))
	}
}

// dropXattrBlock takes the block of attributes from the inode, and frees it when no other inode shares it.
func (f *FS) dropXattrBlock(in *inode) error {
	if in.xattrBlock() == 0 {
		return nil
	}
	b, err := f.xattrBuffer(in)
	if err != nil {
		return err
	}
	if shared := b.data.u32(hRefcount); shared > 1 {
		b.data.put32(hRefcount, shared-1)
		f.sealXattrBlock(b)
	} else if err := f.release(b.block, 1); err != nil {
		return err
	}
	in.setXattrBlock(0)
	return f.addBlocks(in, -1)
}

// xattrs gives all attributes of the inode by full name.
func (f *FS) xattrs(in *inode) (map[string][]byte, error) {
	var all []xattr
	if area := in.xattrArea(); area != nil && area.u32(hMagic) == xattrMagic {
		found, err := parseXattrs(area[xattrInodeHeader:], 0)
		if err != nil {
			return nil, err
		}
		all = found
	}
	if in.xattrBlock() != 0 {
		b, err := f.xattrBuffer(in)
		if err != nil {
			return nil, err
		}
		found, err := parseXattrs(b.data[xattrBlockHeader:], xattrBlockHeader)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	attrs := map[string][]byte{}
	for _, x := range all {
		name, value, err := x.generic()
		if err != nil {
			return nil, err
		}
		attrs[name] = value
	}
	return attrs, nil
}
