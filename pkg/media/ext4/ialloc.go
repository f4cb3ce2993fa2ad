package ext4

import "fmt"

// aimInodes moves the place where new inodes are looked for to the first group that has n free ones, or any.
func (f *FS) aimInodes(n int) {
	n = max(1, min(n, f.geo.inodesPerGroup/2))
	for i := range f.groups {
		if f.groups[i].freeInodes() >= n {
			f.nextInodeGroup = i
			return
		}
	}
	f.nextInodeGroup = 0
}

// newInode takes a free inode, the first of its group, and gives it the mode. It has no links yet.
func (f *FS) newInode(mode uint16) (*inode, error) {
	for i := range f.geo.groups {
		num := (f.nextInodeGroup + i) % f.geo.groups
		if f.groups[num].freeInodes() == 0 {
			continue
		}
		bits, err := f.inodeBits(num)
		if err != nil {
			return nil, err
		}
		index := bits.nextClear(0, f.geo.inodesPerGroup)
		if index == f.geo.inodesPerGroup {
			return nil, corrupt("group %d has free inodes, and none is found", num)
		}
		f.nextInodeGroup = num
		return f.takeInode(num, index, mode)
	}
	return nil, fmt.Errorf("%w: an inode is needed, and all %d are in use", ErrNoSpace, f.geo.inodes)
}

func (f *FS) takeInode(group, index int, mode uint16) (*inode, error) {
	g := &f.groups[group]
	in, err := f.inodeSlot(uint32(group*f.geo.inodesPerGroup + index + 1))
	if err != nil {
		return nil, err
	}
	if in.num < f.geo.firstInode {
		return nil, corrupt("the reserved inode %d is said to be free", in.num)
	}
	bitmap(g.inodeBits.data).setRange(index, index+1)
	g.inodeBits.dirty = true
	g.addFreeInodes(-1)
	f.freeInodes--
	if f.sums.enabled {
		// Inodes behind the last one in use need not be initialised: that border moves with it.
		if unused := f.geo.inodesPerGroup - index - 1; unused < g.unusedInodes() {
			g.setNumber(bgItableUnusedLo, bgItableUnusedHi, unused)
		}
	}
	if mode&typeMask == typeDir {
		g.addDirs(1)
	}
	f.inodes[in.num] = in
	in.reset(mode)
	return in, nil
}

// reset makes the inode that of an empty file without links.
func (in *inode) reset(mode uint16) {
	clear(in.raw)
	if len(in.raw) > inodeBaseSize {
		in.put16(iExtraIsize, newExtraSize)
	}
	in.put16(iMode, mode)
}

// freeInode gives back an inode whose blocks are given back already.
func (f *FS) freeInode(in *inode) error {
	num, index := f.inodePlace(in.num)
	bits, err := f.inodeBits(num)
	if err != nil {
		return err
	}
	if !bits.isSet(index) {
		return corrupt("inode %d belongs to a file, and is said to be free", in.num)
	}
	g := &f.groups[num]
	bits.clear(index)
	g.inodeBits.dirty = true
	g.addFreeInodes(1)
	f.freeInodes++
	if in.isDir() {
		g.addDirs(-1)
	}
	// All zeros is what a checker takes for an inode that was never used.
	clear(in.raw)
	in.home.dirty = true
	delete(f.inodes, in.num)
	return nil
}
