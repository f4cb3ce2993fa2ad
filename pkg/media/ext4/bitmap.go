package ext4

import (
	"encoding/binary"
	"math/bits"
)

// bitmap is a block of bits, one per block or inode of a group; the lowest bit of the first byte stands for the first.
// A set bit is one in use. Its length is a multiple of eight bytes.
type bitmap []byte

func (m bitmap) isSet(i int) bool { return m[i/8]&(1<<(i%8)) != 0 }
func (m bitmap) clear(i int)      { m[i/8] &^= 1 << (i % 8) }

func (m bitmap) setRange(from, to int) {
	for ; from < to && from%8 != 0; from++ {
		m[from/8] |= 1 << (from % 8)
	}
	for ; to-from >= 8; from += 8 {
		m[from/8] = 0xff
	}
	for ; from < to; from++ {
		m[from/8] |= 1 << (from % 8)
	}
}

// nextClear gives the first clear bit in [from, limit), or limit.
func (m bitmap) nextClear(from, limit int) int { return m.next(from, limit, ^uint64(0)) }

// nextSet gives the first set bit in [from, limit), or limit.
func (m bitmap) nextSet(from, limit int) int { return m.next(from, limit, 0) }

// next gives the first bit that is set once all are flipped by the mask.
func (m bitmap) next(from, limit int, mask uint64) int {
	for from < limit {
		word := (binary.LittleEndian.Uint64(m[from/64*8:]) ^ mask) >> (from % 64)
		if word != 0 {
			return min(from+bits.TrailingZeros64(word), limit)
		}
		from = (from/64 + 1) * 64
	}
	return limit
}

// clearCount counts the clear bits before limit.
func (m bitmap) clearCount(limit int) int {
	n := 0
	for i := m.nextClear(0, limit); i < limit; {
		end := m.nextSet(i, limit)
		n += end - i
		i = m.nextClear(end, limit)
	}
	return n
}
