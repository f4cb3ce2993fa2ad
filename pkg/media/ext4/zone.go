package ext4

import (
	"cmp"
	"slices"
)

// zone is a sequence of blocks that hold the file system's own structures: superblocks, group descriptors, bitmaps and
// inode tables. No file may own one of them.
type zone struct{ start, end uint64 }

// systemZones gives all zones in order, adjacent ones joined. Zones that overlap or leave the device are corrupt.
func systemZones(g *geometry, groups []group) ([]zone, error) {
	zones := make([]zone, 0, 4*len(groups))
	for i, d := range groups {
		if g.hasSuper(i) {
			start := g.groupStart(i)
			zones = append(zones, zone{start, start + uint64(1+g.descBlocks()+g.reservedGdt)})
		}
		zones = append(zones,
			zone{d.blockBitmap(), d.blockBitmap() + 1},
			zone{d.inodeBitmap(), d.inodeBitmap() + 1},
			zone{d.inodeTable(), d.inodeTable() + uint64(g.inodeTableBlock)})
	}
	slices.SortFunc(zones, func(a, b zone) int { return cmp.Compare(a.start, b.start) })
	joined := zones[:0]
	for _, z := range zones {
		last := len(joined) - 1
		switch {
		case z.start < g.firstBlock || z.start >= z.end || z.end > g.blocks:
			return nil, corrupt("metadata at blocks %d to %d of %d", z.start, z.end, g.blocks)
		case last >= 0 && z.start < joined[last].end:
			return nil, corrupt("two structures claim block %d", z.start)
		case last >= 0 && z.start == joined[last].end:
			joined[last].end = z.end
		default:
			joined = append(joined, z)
		}
	}
	return joined, nil
}

// firstAfter gives the index of the first zone that ends after the block.
func firstAfter(zones []zone, block uint64) int {
	i, _ := slices.BinarySearchFunc(zones, block, func(z zone, b uint64) int {
		if z.end <= b {
			return -1
		}
		return 1
	})
	return i
}

// checkData refuses blocks that a file can not own.
func (f *FS) checkData(start, length uint64) error {
	if start < f.geo.firstBlock || length > f.geo.blocks || start > f.geo.blocks-length {
		return corrupt("blocks %d+%d are outside the %d of the file system", start, length, f.geo.blocks)
	}
	if i := firstAfter(f.zones, start); i < len(f.zones) && f.zones[i].start < start+length {
		return corrupt("blocks %d+%d of a file belong to the file system's own structures", start, length)
	}
	return nil
}
