package ext4

import "fmt"

// run is a sequence of adjacent blocks.
type run struct {
	start  uint64
	length int
}

// aimBlocks is the longest run that is looked for at once, 8 MiB in blocks of 4 KiB. Longer files take several, and
// what is free before a larger hole is not passed over for its sake.
const aimBlocks = 2048

// allocate takes n blocks, in as few runs as the free space near the last ones gives.
func (f *FS) allocate(n int) ([]run, error) {
	if uint64(n) > f.freeBlocks {
		return nil, fmt.Errorf("%w: %d blocks of %d bytes are needed, %d of %d are free",
			ErrNoSpace, n, f.geo.blockSize, f.freeBlocks, f.geo.blocks)
	}
	var runs []run
	for n > 0 {
		r, err := f.findRun(min(n, aimBlocks))
		if err != nil {
			return nil, err
		}
		if r.length == 0 {
			if r, err = f.findRun(1); err != nil {
				return nil, err
			}
		}
		if r.length == 0 {
			return nil, corrupt("%d blocks are said to be free, and none is found", f.freeBlocks)
		}
		r.length = min(r.length, n)
		if err := f.take(r); err != nil {
			return nil, err
		}
		n -= r.length
		if last := len(runs) - 1; last >= 0 && runs[last].start+uint64(runs[last].length) == r.start {
			runs[last].length += r.length
		} else {
			runs = append(runs, r)
		}
	}
	return runs, nil
}

// allocateBlock takes one block.
func (f *FS) allocateBlock() (uint64, error) {
	runs, err := f.allocate(1)
	if err != nil {
		return 0, err
	}
	return runs[0].start, nil
}

// aim moves the place where the search goes on to the first that has room for n blocks together.
func (f *FS) aim(n int) error {
	f.nextBlock = f.geo.firstBlock
	r, err := f.findRun(max(1, min(n, aimBlocks)))
	if err == nil && r.length > 0 {
		f.nextBlock = r.start
	}
	return err
}

// findRun looks for free blocks of one group, as many as follow one another but no fewer than need, from the place
// where the last search ended and around to it. A run of length 0 is none.
func (f *FS) findRun(need int) (run, error) {
	if f.nextBlock >= f.geo.blocks {
		f.nextBlock = f.geo.firstBlock
	}
	first := f.geo.groupOf(f.nextBlock)
	from := int(f.nextBlock - f.geo.groupStart(first))
	for i := range f.geo.groups + 1 {
		num := (first + i) % f.geo.groups
		if f.groups[num].freeBlocks() >= need {
			bits, err := f.blockBits(num)
			if err != nil {
				return run{}, err
			}
			limit := f.geo.groupBlocks(num)
			for at := bits.nextClear(from, limit); at < limit; {
				end := bits.nextSet(at, limit)
				if end-at >= need {
					return run{start: f.geo.groupStart(num) + uint64(at), length: end - at}, nil
				}
				at = bits.nextClear(end, limit)
			}
		}
		from = 0
	}
	return run{}, nil
}

// take marks the blocks of one group as used.
func (f *FS) take(r run) error {
	if err := f.checkData(r.start, uint64(r.length)); err != nil {
		return err
	}
	num := f.geo.groupOf(r.start)
	g := &f.groups[num]
	at := int(r.start - f.geo.groupStart(num))
	bitmap(g.blockBits.data).setRange(at, at+r.length)
	g.blockBits.dirty = true
	g.addFreeBlocks(-r.length)
	f.freeBlocks -= uint64(r.length)
	f.nextBlock = r.start + uint64(r.length)
	for i := range r.length {
		f.cache.drop(r.start + uint64(i))
	}
	return nil
}

// release marks blocks as free.
func (f *FS) release(start uint64, length int) error {
	if err := f.checkData(start, uint64(length)); err != nil {
		return err
	}
	for block := start; block < start+uint64(length); block++ {
		num := f.geo.groupOf(block)
		bits, err := f.blockBits(num)
		if err != nil {
			return err
		}
		at := int(block - f.geo.groupStart(num))
		if !bits.isSet(at) {
			return corrupt("block %d belongs to a file, and is said to be free", block)
		}
		bits.clear(at)
		g := &f.groups[num]
		g.blockBits.dirty = true
		g.addFreeBlocks(1)
		f.freeBlocks++
		f.cache.drop(block)
	}
	return nil
}
