package ext4

import (
	"encoding/binary"
	"hash/crc32"
)

// checksummer computes the checksums of the metadata_csum feature: crc32c as the kernel's crc32c() has it, which
// inverts neither what it is given nor what it returns. See Documentation/filesystems/ext4/checksums.rst.
type checksummer struct {
	// enabled tells whether the file system has checksums; without them nothing is verified and nothing stored.
	enabled bool
	// seed is the checksum of the file system's UUID, with which most others begin.
	seed uint32
}

func newChecksummer(enabled bool, uuid []byte) checksummer {
	return checksummer{enabled: enabled, seed: crc32c(^uint32(0), uuid)}
}

func crc32c(crc uint32, b []byte) uint32 {
	return ^crc32.Update(^crc, crc32.MakeTable(crc32.Castagnoli), b)
}

// crc32cNumber goes on with a 32-bit number as it lies on the disk.
func crc32cNumber(crc, n uint32) uint32 {
	return crc32c(crc, binary.LittleEndian.AppendUint32(nil, n))
}

// crc32cGap goes on with a structure whose field of the given size at the offset counts as zero: the checksum's own.
func crc32cGap(crc uint32, r record, off, size int) uint32 {
	crc = crc32c(crc, r[:off])
	crc = crc32c(crc, make([]byte, size))
	return crc32c(crc, r[off+size:])
}

// inodeSeed is what the checksums of an inode and of its blocks begin with.
func (c checksummer) inodeSeed(num, generation uint32) uint32 {
	return crc32cNumber(crc32cNumber(c.seed, num), generation)
}
