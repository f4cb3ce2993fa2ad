package qcow2

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

// Bits of L1 and L2 table entries ("Cluster mapping").
const (
	offsetMask     = 0x00fffffffffffe00 // bits 9-55: the offset in the file
	flagCopied     = 1 << 63            // the refcount is exactly one
	flagCompressed = 1 << 62
	flagZero       = 1 << 0 // the cluster reads as zeros
	sectorSize     = 512    // of compressed clusters' lengths
)

// kind says where a guest cluster's content is.
type kind uint8

const (
	absent     kind = iota // in the backing file, or zeros
	zero                   // zeros
	plain                  // in a host cluster
	compressed             // in a compressed cluster
)

// cluster is what the tables say of a guest cluster.
type cluster struct {
	kind   kind
	offset int64 // in the file
	length int64 // of a compressed cluster in the file, in bytes, at most
}

// lookup finds a guest cluster by its number.
func (im *Image) lookup(n int64) (cluster, error) {
	table, err := im.table(n >> im.l2Bits())
	if err != nil || table == nil {
		return cluster{}, err
	}
	return im.decode(table[n&(1<<im.l2Bits()-1)])
}

// table gives the L2 table of that index, nil where there is none. A table is kept once it is read.
func (im *Image) table(i int64) ([]uint64, error) {
	offset := im.l1[i]
	if offset == 0 {
		return nil, nil
	}
	if t := im.l2[i].Load(); t != nil {
		return *t, nil
	}
	if offset&(im.clusterSize()-1) != 0 || offset+im.clusterSize() > im.fileSize {
		return nil, fmt.Errorf("the L2 table at offset %d is not aligned or lies beyond the end of the file", offset)
	}
	raw := make([]byte, im.clusterSize())
	if _, err := im.file.ReadAt(raw, offset); err != nil {
		return nil, fmt.Errorf("read the L2 table at offset %d: %w", offset, err)
	}
	t := make([]uint64, len(raw)/8)
	for j := range t {
		t[j] = binary.BigEndian.Uint64(raw[8*j:])
	}
	im.l2[i].Store(&t)
	return t, nil
}

// decode reads an L2 table entry.
func (im *Image) decode(entry uint64) (cluster, error) {
	if entry&flagCompressed != 0 {
		return im.decodeCompressed(entry &^ (flagCompressed | flagCopied))
	}
	if entry&flagZero != 0 && im.zeroFlag {
		return cluster{kind: zero}, nil
	}
	offset := int64(entry & offsetMask)
	if offset == 0 {
		return cluster{kind: absent}, nil
	}
	if offset&(im.clusterSize()-1) != 0 || offset >= im.fileSize {
		return cluster{}, fmt.Errorf("a cluster at offset %d is not aligned or lies beyond the end of the file", offset)
	}
	return cluster{kind: plain, offset: offset}, nil
}

// decodeCompressed reads a compressed cluster descriptor: an offset of 62-(cluster_bits-8) bits, and above it the
// number of sectors beyond the first.
func (im *Image) decodeCompressed(entry uint64) (cluster, error) {
	x := compressedShift(im.clusterBits)
	offset := int64(entry & (1<<x - 1))
	sectors := int64(entry>>x) + 1
	length := sectors*sectorSize - offset%sectorSize
	if offset == 0 || offset >= im.fileSize {
		return cluster{}, fmt.Errorf("a compressed cluster at offset %d lies beyond the end of the file", offset)
	}
	return cluster{kind: compressed, offset: offset, length: min(length, im.fileSize-offset)}, nil
}

// compressedShift is x of the compressed cluster descriptor.
func compressedShift(clusterBits uint) uint { return 62 - (clusterBits - 8) }

// NextData gives the next run that is not known to be zeros, through the whole chain; see Source.
func (im *Image) NextData(off int64) (start, end int64, err error) {
	for off < im.size {
		k, stop, err := im.run(off)
		if err != nil {
			return 0, 0, fmt.Errorf("walk qcow2 image %s at byte %d: %w", im.file.Name(), off, err)
		}
		if k == plain {
			return off, stop, nil
		}
		if k == absent && im.backing != nil {
			start, end, err := im.backing.NextData(off)
			if err == nil && start < stop {
				return start, min(end, stop), nil
			}
			if err != nil && err != io.EOF {
				return 0, 0, err
			}
		}
		off = stop
	}
	return 0, 0, io.EOF
}

// run gives the kind of the cluster at byte off, and where its run of the same kind ends within one L2 table.
// Compressed clusters count as plain ones.
func (im *Image) run(off int64) (kind, int64, error) {
	n := off >> im.clusterBits
	last := (n | (1<<im.l2Bits() - 1)) + 1
	table, err := im.table(n >> im.l2Bits())
	if err != nil {
		return absent, 0, err
	}
	if table == nil {
		return absent, min(last<<im.clusterBits, im.size), nil
	}
	first := absent
	for i := n; i < last; i++ {
		c, err := im.decode(table[i&(1<<im.l2Bits()-1)])
		if err != nil {
			return absent, 0, err
		}
		k := min(c.kind, plain)
		if i == n {
			first = k
		} else if k != first {
			last = i
		}
	}
	return first, min(last<<im.clusterBits, im.size), nil
}

// Locate gives the place of the disk's bytes from off on in the image's own file, for as long as they lie there as they
// are and in one piece; n is how many bytes that holds for, and f is nil where the content is elsewhere or compressed.
func (im *Image) Locate(off int64) (f *os.File, pos, n int64, err error) {
	first := off >> im.clusterBits
	c, err := im.lookup(first)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("look up byte %d of qcow2 image %s: %w", off, im.file.Name(), err)
	}
	end := (first + 1) << im.clusterBits
	for c.kind == plain && end < im.size {
		next, err := im.lookup(end >> im.clusterBits)
		if err != nil || next.kind != plain || next.offset != c.offset+end-first<<im.clusterBits {
			break
		}
		end += im.clusterSize()
	}
	n = min(end, im.size) - off
	if c.kind != plain {
		return nil, 0, n, nil
	}
	pos = c.offset + off&(im.clusterSize()-1)
	return im.file, pos, min(n, max(im.fileSize-pos, 0)), nil
}
