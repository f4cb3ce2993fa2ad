package ext4

import "encoding/binary"

// record is an on-disk structure or a piece of one. Its fields are little-endian and addressed by offset in bytes.
type record []byte

func (r record) u16(off int) uint16 { return binary.LittleEndian.Uint16(r[off:]) }
func (r record) u32(off int) uint32 { return binary.LittleEndian.Uint32(r[off:]) }

func (r record) put16(off int, v uint16) { binary.LittleEndian.PutUint16(r[off:], v) }
func (r record) put32(off int, v uint32) { binary.LittleEndian.PutUint32(r[off:], v) }
