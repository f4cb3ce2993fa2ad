package ext4

import "fmt"

// An extent tree: Documentation/filesystems/ext4/ifork.rst. A node is a header and entries of 12 bytes; its root lies
// in i_block, the others in blocks of their own. Offsets in bytes.
const (
	extentMagic     = 0xF30A
	extentEntrySize = 12 // of header, index and leaf entries alike
	extentMaxDepth  = 5  // EXT4_MAX_EXTENT_DEPTH
	// maxExtent is EXT_INIT_MAX_LEN, the longest extent in blocks; a longer length marks one that is not written.
	maxExtent = 1 << 15

	ehMagic   = 0x0
	ehEntries = 0x2
	ehMax     = 0x4
	ehDepth   = 0x6

	eeBlock   = 0x0
	eeLen     = 0x4
	eeStartHi = 0x6
	eeStartLo = 0x8

	eiBlock  = 0x0
	eiLeafLo = 0x4
	eiLeafHi = 0x8
)

// extent is a sequence of blocks of a file that are adjacent on the device as well.
type extent struct {
	logical uint64 // first block within the file
	start   uint64 // first block on the device
	length  int
	// unwritten blocks read as zeros.
	unwritten bool
}

func (e extent) end() uint64 { return e.logical + uint64(e.length) }

// extentTree is what an inode maps, and the blocks in which its map lies.
type extentTree struct {
	extents []extent
	nodes   []uint64
	// blocks is the sum of the lengths.
	blocks uint64
}

// nodeMax is how many entries fit into a node of that many bytes. What remains of a block is room for the checksum.
func nodeMax(size int) int { return (size - extentEntrySize) / extentEntrySize }

// extents gives what the inode maps, in order. Everything is checked on the way.
func (f *FS) extents(in *inode) (extentTree, error) {
	var t extentTree
	if in.flags()&flagExtents == 0 {
		for _, b := range in.area() {
			if b != 0 {
				return t, &UnsupportedError{Features: []string{fmt.Sprintf("inode %d mapped by blocks, not extents", in.num)}}
			}
		}
		return t, nil
	}
	root := in.area()
	depth := int(root.u16(ehDepth))
	if depth > extentMaxDepth {
		return t, corrupt("the extent tree of inode %d has depth %d", in.num, depth)
	}
	if err := f.readNode(&t, in, root, depth, 0, maxFileBlocks); err != nil {
		return t, fmt.Errorf("extents of inode %d: %w", in.num, err)
	}
	return t, nil
}

// readNode adds what a node maps, which has to lie in [from, to). Entries rise and the first of a node equals its entry
// in the parent, so that no node can be reached twice.
func (f *FS) readNode(t *extentTree, in *inode, node record, depth int, from, to uint64) error {
	entries := int(node.u16(ehEntries))
	if node.u16(ehMagic) != extentMagic || int(node.u16(ehDepth)) != depth || entries > nodeMax(len(node)) {
		return corrupt("a node has magic %#x, depth %d, %d entries", node.u16(ehMagic), node.u16(ehDepth), entries)
	}
	if entries == 0 && (depth > 0 || len(node) != blockArea) {
		return corrupt("a node is empty")
	}
	for i := range entries {
		e := node[(i+1)*extentEntrySize : (i+2)*extentEntrySize]
		if depth == 0 {
			x := parseExtent(e)
			if x.length == 0 || x.logical < from || x.end() > to {
				return corrupt("an extent of blocks %d to %d is out of order", x.logical, x.end())
			}
			t.blocks += uint64(x.length)
			if t.blocks > f.geo.blocks {
				return corrupt("it maps more blocks than there are")
			}
			if err := f.checkData(x.start, uint64(x.length)); err != nil {
				return err
			}
			t.extents = append(t.extents, x)
			from = x.end()
			continue
		}
		end := to
		if i+1 < entries {
			end = uint64(node.u32((i+2)*extentEntrySize + eiBlock))
		}
		start := uint64(e.u32(eiBlock))
		if start < from || end <= start || end > to {
			return corrupt("an index entry of block %d is out of order", start)
		}
		if err := f.readChild(t, in, e, depth-1, start, end); err != nil {
			return err
		}
		from = end
	}
	return nil
}

// readChild reads the node that an index entry leads to.
func (f *FS) readChild(t *extentTree, in *inode, e record, depth int, from, to uint64) error {
	block := uint64(e.u32(eiLeafLo)) | uint64(e.u16(eiLeafHi))<<32
	if err := f.checkData(block, 1); err != nil {
		return err
	}
	b, err := f.cache.get(block)
	if err != nil {
		return err
	}
	// The first entry of either kind begins with its logical block.
	if first := uint64(b.data.u32(extentEntrySize)); first != from {
		return corrupt("the node in block %d begins at %d, not at %d", block, first, from)
	}
	if f.sums.enabled {
		if at, sum := extentTail(b.data, in.seed(f.sums)); b.data.u32(at) != sum {
			return corrupt("the node in block %d does not match its checksum", block)
		}
	}
	t.nodes = append(t.nodes, block)
	return f.readNode(t, in, b.data, depth, from, to)
}

// extentTail gives where the checksum of a node in a block lies, struct ext4_extent_tail, and what it is to be.
func extentTail(node record, seed uint32) (at int, sum uint32) {
	at = (nodeMax(len(node)) + 1) * extentEntrySize
	return at, crc32c(seed, node[:at])
}

func parseExtent(e record) extent {
	x := extent{
		logical: uint64(e.u32(eeBlock)), length: int(e.u16(eeLen)),
		start: uint64(e.u32(eeStartLo)) | uint64(e.u16(eeStartHi))<<32,
	}
	if x.length > maxExtent {
		x.length, x.unwritten = x.length-maxExtent, true
	}
	return x
}
