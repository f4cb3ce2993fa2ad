package ext4

import (
	"fmt"
	"slices"
	"strings"
)

// fileType gives the type of a directory entry, EXT2_FT_*, for the type bits of a mode, or 0.
func fileType(mode uint16) uint8 {
	switch mode & typeMask {
	case typeRegular:
		return 1
	case typeDir:
		return 2
	case typeChar:
		return 3
	case typeBlock:
		return 4
	case typeFifo:
		return 5
	case typeSocket:
		return 6
	case typeSymlink:
		return 7
	}
	return 0
}

// dir is a directory in memory.
type dir struct {
	in     *inode
	parent uint32
	tree   extentTree
	// blocks lie on the device in this order of the directory.
	blocks []uint64
	// room is the longest entry that fits into each block, in bytes; 0 for a block of the index.
	room  []int
	names map[string]entry
}

// entry is what a name stands for, and the block of the directory that it is in.
type entry struct {
	ino   uint32
	kind  uint8
	block int
}

// dir gives the contents of a directory, all of it verified when it is first read.
func (f *FS) dir(in *inode) (*dir, error) {
	if d, ok := f.dirs[in.num]; ok {
		return d, nil
	}
	d := &dir{in: in, names: map[string]entry{}}
	if err := f.loadDir(d); err != nil {
		return nil, fmt.Errorf("read directory inode %d: %w", in.num, err)
	}
	f.dirs[in.num] = d
	return d, nil
}

func (f *FS) loadDir(d *dir) (err error) {
	if !d.in.isDir() {
		return corrupt("it is no directory")
	}
	if d.tree, err = f.extents(d.in); err != nil {
		return err
	}
	for _, x := range d.tree.extents {
		if x.unwritten || x.logical != uint64(len(d.blocks)) {
			return corrupt("it has a hole")
		}
		for i := range x.length {
			d.blocks = append(d.blocks, x.start+uint64(i))
		}
	}
	if len(d.blocks) == 0 || d.in.size() != int64(len(d.blocks)*f.geo.blockSize) {
		return corrupt("it has %d blocks and %d bytes", len(d.blocks), d.in.size())
	}
	index, err := f.indexBlocks(d)
	if err != nil {
		return err
	}
	d.room = make([]int, len(d.blocks))
	for i := range d.blocks {
		if err := f.loadDirBlock(d, i, index[i]); err != nil {
			return err
		}
	}
	if self, ok := d.names["."]; !ok || self.ino != d.in.num || self.block != 0 {
		return corrupt("it does not name itself")
	}
	up, ok := d.names[".."]
	if !ok {
		return corrupt("it does not name its parent")
	}
	d.parent = up.ino
	delete(d.names, ".")
	delete(d.names, "..")
	return d.checkChildren()
}

func (f *FS) loadDirBlock(d *dir, i int, isIndex bool) error {
	b, err := f.cache.get(d.blocks[i])
	if err != nil {
		return err
	}
	usable := b.data
	if !isIndex {
		if err := f.checkDirBlock(d.in, b); err != nil {
			return err
		}
		usable = b.data[:f.dirUsable()]
		if d.room[i], err = longestFree(usable); err != nil {
			return err
		}
	}
	for e, err := range dirents(usable) {
		if err != nil {
			return err
		}
		if e.ino == 0 {
			continue
		}
		name := string(e.name)
		if _, ok := d.names[name]; ok || strings.ContainsAny(name, "/\x00") {
			return corrupt("it has the name %q twice, or that is no name", name)
		}
		d.names[name] = entry{ino: e.ino, kind: e.kind, block: i}
	}
	return nil
}

// checkChildren refuses two names of one directory: there is one way only to every directory, and no circle.
func (d *dir) checkChildren() error {
	seen := map[uint32]bool{d.in.num: true}
	for name, e := range d.names {
		if e.kind != fileType(typeDir) {
			continue
		}
		if seen[e.ino] {
			return corrupt("inode %d has a second name %q", e.ino, name)
		}
		seen[e.ino] = true
	}
	return nil
}

// child gives the inode that a name of the directory stands for.
func (f *FS) child(d *dir, e entry) (*inode, error) {
	in, err := f.inode(e.ino)
	if err != nil {
		return nil, err
	}
	if e.kind != fileType(in.mode()) {
		return nil, corrupt("inode %d has type %#x, its name in directory inode %d says %d", e.ino, in.kind(), d.in.num, e.kind)
	}
	if in.isDir() {
		sub, err := f.dir(in)
		if err != nil {
			return nil, err
		}
		if sub.parent != d.in.num {
			return nil, corrupt("directory inode %d is in inode %d, and names inode %d as its parent", e.ino, d.in.num, sub.parent)
		}
	}
	return in, nil
}

// addName puts a new name into the directory.
func (f *FS) addName(d *dir, name string, target *inode) error {
	if d.in.flags()&flagIndex != 0 {
		done, err := f.addIndexed(d, name, target)
		if done || err != nil {
			return err
		}
	}
	need := direntSize(name)
	i := slices.IndexFunc(d.room, func(room int) bool { return room >= need })
	if i < 0 {
		var err error
		if i, err = f.growDir(d, 1); err != nil {
			return err
		}
	}
	return f.addToBlock(d, i, name, target)
}

// addToBlock puts a name into a block that has room for it.
func (f *FS) addToBlock(d *dir, i int, name string, target *inode) error {
	b, err := f.cache.get(d.blocks[i])
	if err != nil {
		return err
	}
	usable := b.data[:f.dirUsable()]
	kind := fileType(target.mode())
	if ok, err := insertDirent(usable, target.num, kind, name); err != nil || !ok {
		return corrupt("block %d of directory inode %d lost its room: %v", i, d.in.num, err)
	}
	f.sealDirBlock(d.in, b)
	d.names[name] = entry{ino: target.num, kind: kind, block: i}
	d.room[i], err = longestFree(usable)
	return err
}

// removeName takes a name out of the directory.
func (f *FS) removeName(d *dir, name string) error {
	i := d.names[name].block
	b, err := f.cache.get(d.blocks[i])
	if err != nil {
		return err
	}
	usable := b.data[:f.dirUsable()]
	if err := removeDirent(usable, name); err != nil {
		return err
	}
	f.sealDirBlock(d.in, b)
	delete(d.names, name)
	d.room[i], err = longestFree(usable)
	return err
}

// growDir adds n empty blocks and gives the number of the first.
func (f *FS) growDir(d *dir, n int) (int, error) {
	runs, err := f.allocate(n)
	if err != nil {
		return 0, err
	}
	first := len(d.blocks)
	d.tree.extents = appendRuns(d.tree.extents, uint64(first), runs)
	if err := f.addBlocks(d.in, n); err != nil {
		return 0, err
	}
	if err := f.setExtents(d.in, d.tree.extents, d.tree.nodes); err != nil {
		return 0, err
	}
	if d.tree, err = f.extents(d.in); err != nil {
		return 0, err
	}
	for _, r := range runs {
		for i := range r.length {
			b := f.cache.fresh(r.start + uint64(i))
			putDirent(b.data, 0, f.dirUsable(), 0, 0, "")
			f.sealDirBlock(d.in, b)
			d.blocks = append(d.blocks, b.block)
			d.room = append(d.room, f.dirUsable())
		}
	}
	d.in.setSize(int64(len(d.blocks) * f.geo.blockSize))
	return first, nil
}

// newDir makes the contents of a new directory, with n blocks.
func (f *FS) newDir(in *inode, parent uint32, n int) (*dir, error) {
	d := &dir{in: in, parent: parent, names: map[string]entry{}}
	if _, err := f.growDir(d, n); err != nil {
		return nil, err
	}
	b, err := f.cache.get(d.blocks[0])
	if err != nil {
		return nil, err
	}
	putDirent(b.data, 0, minDirent, in.num, fileType(typeDir), ".")
	putDirent(b.data, minDirent, f.dirUsable()-minDirent, parent, fileType(typeDir), "..")
	f.sealDirBlock(in, b)
	d.room[0] = f.dirUsable() - 2*minDirent
	in.setLinks(2)
	f.dirs[in.num] = d
	return d, nil
}
