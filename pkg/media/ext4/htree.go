package ext4

import (
	"cmp"
	"errors"
	"slices"
	"sort"
)

// The index of a directory, a hash tree: struct dx_root and dx_node, Documentation/filesystems/ext4/directory.rst.
// Its root is the directory's first block, behind "." and ".."; its inner nodes look like blocks without entries.
// Offsets in bytes.
const (
	dxHashVersion    = 0x1C
	dxInfoLength     = 0x1D
	dxIndirectLevels = 0x1E
	dxInfoSize       = 8
	dxRootEntries    = 0x20
	dxNodeEntries    = 0x8
	dxMaxLevels      = 1 // levels of inner nodes below the root, without large_dir

	dxEntrySize = 8
	dxTailSize  = 8
	// The first entry has no hash: its place holds the limit and the count of entries.
	dxLimit = 0x0
	dxCount = 0x2
	dxBlock = 0x4
)

// indexNode is the root or an inner node of an index.
type indexNode struct {
	buf     *buffer
	entries record // from the first entry to the end of the block
}

func (n indexNode) limit() int      { return int(n.entries.u16(dxLimit)) }
func (n indexNode) count() int      { return int(n.entries.u16(dxCount)) }
func (n indexNode) block(i int) int { return int(n.entries.u32(i*dxEntrySize+dxBlock) & 0xFFFFFFF) }
func (n indexNode) hash(i int) uint32 {
	if i == 0 {
		return 0
	}
	return n.entries.u32(i * dxEntrySize)
}

// search gives the last entry whose hash is not above the one given.
func (n indexNode) search(hash uint32) int {
	return sort.Search(n.count()-1, func(i int) bool { return n.hash(i+1) > hash })
}

// insert puts an entry behind the i-th.
func (n indexNode) insert(i int, hash uint32, block int) {
	at := (i + 1) * dxEntrySize
	copy(n.entries[at+dxEntrySize:(n.count()+1)*dxEntrySize], n.entries[at:])
	n.entries.put32(at, hash)
	n.entries.put32(at+dxBlock, uint32(block))
	n.entries.put16(dxCount, uint16(n.count()+1))
}

// checksum covers the block up to the last entry in use, and the tail behind the last entry possible.
func (n indexNode) checksum(seed uint32) (at int, sum uint32) {
	first := len(n.buf.data) - len(n.entries)
	at = first + n.limit()*dxEntrySize + 4
	sum = crc32c(seed, n.buf.data[:first+n.count()*dxEntrySize])
	sum = crc32c(sum, n.buf.data[at-4:at])
	return at, crc32cNumber(sum, 0)
}

// indexNode reads and verifies the root (block 0) or an inner node of a directory's index.
func (f *FS) indexNode(d *dir, logical int) (indexNode, error) {
	if logical >= len(d.blocks) {
		return indexNode{}, corrupt("its index leads to block %d of %d", logical, len(d.blocks))
	}
	b, err := f.cache.get(d.blocks[logical])
	if err != nil {
		return indexNode{}, err
	}
	first := dxNodeEntries
	if logical == 0 {
		first = dxRootEntries
		if b.data.u16(deRecLen) != minDirent || int(b.data.u16(minDirent+deRecLen)) != len(b.data)-minDirent ||
			b.data[dxInfoLength] != dxInfoSize || b.data[dxIndirectLevels] > dxMaxLevels || b.data[dxHashVersion] > hashTea {
			return indexNode{}, corrupt("its index has no proper root")
		}
	} else if b.data.u32(deInode) != 0 || int(b.data.u16(deRecLen)) != len(b.data) {
		return indexNode{}, corrupt("its index has no proper node in block %d", logical)
	}
	n := indexNode{buf: b, entries: b.data[first:]}
	room := len(n.entries)
	if f.sums.enabled {
		room -= dxTailSize
	}
	if n.limit() != room/dxEntrySize || n.count() == 0 || n.count() > n.limit() {
		return indexNode{}, corrupt("a node of its index has %d of %d entries", n.count(), n.limit())
	}
	if f.sums.enabled {
		if at, sum := n.checksum(d.in.seed(f.sums)); b.data.u32(at) != sum {
			return indexNode{}, corrupt("block %d of its index does not match its checksum", logical)
		}
	}
	return n, nil
}

// indexBlocks tells which blocks of a directory are nodes of its index.
func (f *FS) indexBlocks(d *dir) (map[int]bool, error) {
	if d.in.flags()&flagIndex == 0 {
		return nil, nil
	}
	root, err := f.indexNode(d, 0)
	if err != nil {
		return nil, err
	}
	blocks := map[int]bool{0: true}
	if root.buf.data[dxIndirectLevels] == 0 {
		return blocks, nil
	}
	for i := range root.count() {
		if _, err := f.indexNode(d, root.block(i)); err != nil {
			return nil, err
		}
		if blocks[root.block(i)] {
			return nil, corrupt("its index leads to block %d twice", root.block(i))
		}
		blocks[root.block(i)] = true
	}
	return blocks, nil
}

// addIndexed puts a name into the block that the index gives for it, which is split when it is full. Where the index
// has no room for that, the directory loses its index, and the name is still to be added.
func (f *FS) addIndexed(d *dir, name string, target *inode) (bool, error) {
	root, err := f.indexNode(d, 0)
	if err != nil {
		return false, err
	}
	hash := f.nameHash(root.buf.data[dxHashVersion], name)
	node := root
	if root.buf.data[dxIndirectLevels] > 0 {
		if node, err = f.indexNode(d, root.block(root.search(hash))); err != nil {
			return false, err
		}
	}
	at := node.search(hash)
	leaf := node.block(at)
	if leaf >= len(d.blocks) {
		return false, corrupt("the index of directory inode %d leads to block %d of %d", d.in.num, leaf, len(d.blocks))
	}
	if d.room[leaf] < direntSize(name) {
		if node.count() == node.limit() {
			return false, f.dropIndex(d)
		}
		border, other, err := f.splitLeaf(d, leaf, root.buf.data[dxHashVersion])
		if err != nil {
			return false, err
		}
		node.insert(at, border, other)
		f.sealIndexNode(d, node)
		if hash >= border {
			leaf = other
		}
	}
	if d.room[leaf] < direntSize(name) {
		return false, f.dropIndex(d)
	}
	return true, f.addToBlock(d, leaf, name, target)
}

// splitLeaf moves the half of a block's entries with the higher hashes to a new block, and gives the lowest of their
// hashes and the block's number.
func (f *FS) splitLeaf(d *dir, leaf int, version uint8) (uint32, int, error) {
	other, err := f.growDir(d, 1)
	if err != nil {
		return 0, 0, err
	}
	b, err := f.cache.get(d.blocks[leaf])
	if err != nil {
		return 0, 0, err
	}
	type hashed struct {
		dirent
		hash uint32
	}
	var all []hashed
	for e, err := range dirents(slices.Clone(b.data[:f.dirUsable()])) {
		if err != nil {
			return 0, 0, err
		}
		if e.ino != 0 {
			all = append(all, hashed{e, f.nameHash(version, string(e.name))})
		}
	}
	slices.SortStableFunc(all, func(a, b hashed) int { return cmp.Compare(a.hash, b.hash) })
	// From the top, as many as fill half a block.
	split, size := len(all), 0
	for split > 1 && size+direntSize(all[split-1].name) <= f.geo.blockSize/2 {
		split--
		size += direntSize(all[split].name)
	}
	if split == len(all) {
		return 0, 0, corrupt("block %d of directory inode %d is full with %d names", leaf, d.in.num, len(all))
	}
	border := all[split].hash
	if split > 0 && all[split-1].hash == border {
		border |= 1 // the lowest bit says that names of this hash begin in the block before
	}
	var low, high []dirent
	for i, e := range all {
		if i < split {
			low = append(low, e.dirent)
		} else {
			high = append(high, e.dirent)
		}
	}
	return border, other, errors.Join(f.refill(d, leaf, low), f.refill(d, other, high))
}

// refill makes a block that holds the entries and nothing else.
func (f *FS) refill(d *dir, i int, entries []dirent) error {
	b := f.cache.fresh(d.blocks[i])
	at := 0
	for n, e := range entries {
		length := direntSize(e.name)
		if n == len(entries)-1 {
			length = f.dirUsable() - at
		}
		putDirent(b.data, at, length, e.ino, e.kind, e.name)
		at += length
		d.names[string(e.name)] = entry{ino: e.ino, kind: e.kind, block: i}
	}
	f.sealDirBlock(d.in, b)
	var err error
	d.room[i], err = longestFree(b.data[:f.dirUsable()])
	return err
}

func (f *FS) sealIndexNode(d *dir, n indexNode) {
	n.buf.dirty = true
	if f.sums.enabled {
		at, sum := n.checksum(d.in.seed(f.sums))
		n.buf.data.put32(at, sum)
	}
}

// dropIndex makes an indexed directory a plain one: the nodes become blocks with room for names.
func (f *FS) dropIndex(d *dir) error {
	index, err := f.indexBlocks(d)
	if err != nil {
		return err
	}
	d.in.setFlags(d.in.flags() &^ flagIndex)
	for i := range d.blocks {
		if !index[i] {
			continue
		}
		var entries []dirent
		if i == 0 {
			entries = []dirent{
				{ino: d.in.num, kind: fileType(typeDir), name: []byte(".")},
				{ino: d.parent, kind: fileType(typeDir), name: []byte("..")},
			}
		}
		b := f.cache.fresh(d.blocks[i])
		putDirent(b.data, 0, f.dirUsable(), 0, 0, "")
		d.room[i] = f.dirUsable()
		f.sealDirBlock(d.in, b)
		if len(entries) > 0 {
			if err := f.refill(d, i, entries); err != nil {
				return err
			}
		}
	}
	delete(d.names, ".")
	delete(d.names, "..")
	return nil
}
