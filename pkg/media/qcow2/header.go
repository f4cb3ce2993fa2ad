package qcow2

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// The fields of the header that are read or written, by byte offset ("Header" and "Additional fields").
const (
	atMagic          = 0
	atVersion        = 4
	atBackingOffset  = 8
	atBackingSize    = 16
	atClusterBits    = 20
	atSize           = 24
	atCryptMethod    = 32
	atL1Size         = 36
	atL1Offset       = 40
	atRefcountOffset = 48
	atRefcountCount  = 56
	atIncompatible   = 72
	atRefcountOrder  = 96
	atHeaderLength   = 100
	atCompression    = 104
)

const (
	magic = 0x514649fb // "QFI\xfb"

	headerLength2 = 72  // of version 2, which ends before the features
	headerLength3 = 104 // of version 3 at least
	headerLength  = 112 // of what is written: with compression_type and its padding

	minClusterBits = 9  // "Must not be less than 9"
	maxClusterBits = 21 // QEMU's own limit of 2 MiB
	maxBackingName = 1023
	maxL1Bytes     = 32 << 20 // QEMU's own limit
	maxSize        = 1 << 61  // 2 EiB, what QEMU can populate at most

	refcountOrder = 4 // 16 bits, as version 2 always has them
)

// Types of header extensions ("Header extensions").
const (
	extEnd           = 0x00000000
	extBackingFormat = 0xe2792aca
	extFeatureNames  = 0x6803f857
)

// Compression is the method of an image's compressed clusters, by its compression_type.
type Compression uint8

// The compression types, and None for an image that is to have no compressed clusters.
const (
	Zlib Compression = 0
	Zstd Compression = 1
	None Compression = 0xff
)

// String gives the name that qemu-img knows the method by.
func (c Compression) String() string {
	switch c {
	case Zlib:
		return "zlib"
	case Zstd:
		return "zstd"
	case None:
		return "none"
	}
	return fmt.Sprintf("compression type %d", uint8(c))
}

// header is what the first cluster says.
type header struct {
	clusterBits   uint
	size          int64
	l1Offset      int64
	l1Entries     int64
	compression   Compression
	zeroFlag      bool // bit 0 of a standard cluster descriptor has its meaning from version 3 on
	backing       string
	backingFormat string
}

func (h *header) clusterSize() int64 { return 1 << h.clusterBits }

// l2Bits is the logarithm of the number of entries in an L2 table.
func (h *header) l2Bits() uint { return h.clusterBits - 3 }

var errNoMagic = errors.New("not a qcow2 image: the magic number is missing")

// readHeader reads and checks the header and its extensions.
func readHeader(r io.ReaderAt) (*header, error) {
	b := make([]byte, headerLength)
	n, err := r.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the header: %w", err)
	}
	be := binary.BigEndian
	if n < headerLength2 || be.Uint32(b[atMagic:]) != magic {
		return nil, errNoMagic
	}
	version := be.Uint32(b[atVersion:])
	if version != 2 && version != 3 {
		return nil, fmt.Errorf("qcow2 version %d is unknown, only 2 and 3 can be read", version)
	}
	bits := be.Uint32(b[atClusterBits:])
	if bits < minClusterBits || bits > maxClusterBits {
		return nil, fmt.Errorf("clusters of 2^%d bytes are outside the format's limits", bits)
	}
	if m := be.Uint32(b[atCryptMethod:]); m != 0 {
		return nil, fmt.Errorf("the image is encrypted (method %d), which is not supported", m)
	}
	size := be.Uint64(b[atSize:])
	if size > maxSize {
		return nil, fmt.Errorf("a virtual size of %d bytes is too large", size)
	}
	h := &header{clusterBits: uint(bits), size: int64(size), zeroFlag: version >= 3}
	if err := h.setL1(be.Uint64(b[atL1Offset:]), be.Uint32(b[atL1Size:])); err != nil {
		return nil, err
	}
	length := uint32(headerLength2)
	if version >= 3 {
		if length, err = h.readVersion3(r, b[:n]); err != nil {
			return nil, err
		}
	}
	return h, h.readStrings(r, int64(length), be.Uint64(b[atBackingOffset:]), be.Uint32(b[atBackingSize:]))
}

// setL1 takes the place of the active L1 table, of which only the part that covers the virtual disk matters.
func (h *header) setL1(offset uint64, entries uint32) error {
	h.l1Entries = ceilShift(h.size, h.clusterBits+h.l2Bits())
	switch {
	case h.l1Entries > maxL1Bytes/8:
		return fmt.Errorf("a virtual size of %d bytes is too large for clusters of %d bytes", h.size, h.clusterSize())
	case int64(entries) < h.l1Entries:
		return fmt.Errorf("the L1 table has %d entries, the virtual size of %d bytes needs %d", entries, h.size, h.l1Entries)
	case offset > math.MaxInt64-maxL1Bytes || int64(offset)%h.clusterSize() != 0:
		return fmt.Errorf("the L1 table at offset %d is not aligned to a cluster", offset)
	}
	h.l1Offset = int64(offset)
	return nil
}

// readVersion3 reads the fields that version 2 lacks and gives the header's length.
func (h *header) readVersion3(r io.ReaderAt, b []byte) (length uint32, err error) {
	if len(b) < headerLength3 {
		return 0, errors.New("the header is cut short")
	}
	be := binary.BigEndian
	length = be.Uint32(b[atHeaderLength:])
	if length < headerLength3 || length%8 != 0 || int64(length) > h.clusterSize() {
		return 0, fmt.Errorf("a header length of %d bytes is impossible", length)
	}
	features := be.Uint64(b[atIncompatible:])
	if err := h.checkFeatures(r, features, int64(length)); err != nil {
		return 0, err
	}
	if features&incompatCompression == 0 {
		return length, nil
	}
	if length <= atCompression || len(b) <= atCompression || Compression(b[atCompression]) != Zstd {
		return 0, errors.New("the compression type is unknown, only zlib and zstd can be read")
	}
	h.compression = Zstd
	return length, nil
}

// ceilShift divides by 2^bits and rounds up.
func ceilShift(n int64, bits uint) int64 { return (n + (1<<bits - 1)) >> bits }
