package qcow2

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
)

// tables is the bookkeeping of an image that is being written: the header in the first cluster, then the data, and
// behind the data the L2 tables, the L1 table, the refcount blocks and the refcount table.
type tables struct {
	clusterBits uint
	size        int64
	l2          map[int64][]uint64 // entries by index of the L2 table
	refs        []uint16           // refcounts of the clusters up to the end of the data
}

func newTables(clusterBits uint, size int64) *tables {
	return &tables{clusterBits: clusterBits, size: size, l2: map[int64][]uint64{}, refs: []uint16{1}}
}

func (t *tables) clusterSize() int64 { return 1 << t.clusterBits }

// set gives a guest cluster its L2 entry.
func (t *tables) set(n int64, entry uint64) {
	bits := t.clusterBits - 3
	table := t.l2[n>>bits]
	if table == nil {
		table = make([]uint64, 1<<bits)
		t.l2[n>>bits] = table
	}
	table[n&(1<<bits-1)] = entry
}

// refer counts one more reference to each host cluster that holds some of the bytes: a compressed cluster may reach
// from one into the next, and several may share one.
func (t *tables) refer(offset, length int64) {
	for c := offset >> t.clusterBits; c <= (offset+length-1)>>t.clusterBits; c++ {
		for int64(len(t.refs)) <= c {
			t.refs = append(t.refs, 0)
		}
		t.refs[c]++
	}
}

// place is where the tables come to lie, in clusters from the start of the file.
type place struct {
	l2, l1, blocks, table              int64 // first cluster
	l2Count, l1Count, blockCount, span int64 // number of clusters; span is of the refcount table
	l1Entries                          int64
}

func (t *tables) place() place {
	var p place
	p.l2, p.l2Count = int64(len(t.refs)), int64(len(t.l2))
	p.l1 = p.l2 + p.l2Count
	p.l1Entries = max(1, ceilShift(t.size, 2*t.clusterBits-3))
	p.l1Count = ceilShift(p.l1Entries*8, t.clusterBits)
	p.blocks = p.l1 + p.l1Count
	// The refcount blocks count themselves and the table that lists them.
	for p.span = 1; ; {
		total := p.blocks + p.blockCount + p.span
		blocks := ceilShift(total, t.clusterBits-1) // entries of two bytes
		span := ceilShift(blocks*8, t.clusterBits)
		if blocks == p.blockCount && span == p.span {
			p.table = p.blocks + p.blockCount
			return p
		}
		p.blockCount, p.span = blocks, span
	}
}

// writeTo writes all the tables, which come right behind the data.
func (t *tables) writeTo(w io.Writer, p place) error {
	buf := make([]byte, t.clusterSize())
	indices := slices.Sorted(maps.Keys(t.l2))
	for _, i := range indices {
		for j, e := range t.l2[i] {
			binary.BigEndian.PutUint64(buf[8*j:], e)
		}
		if _, err := w.Write(buf); err != nil {
			return fmt.Errorf("write an L2 table: %w", err)
		}
	}
	l1 := make([]byte, p.l1Count<<t.clusterBits)
	for k, i := range indices {
		binary.BigEndian.PutUint64(l1[8*i:], uint64(p.l2+int64(k))<<t.clusterBits|flagCopied)
	}
	if _, err := w.Write(l1); err != nil {
		return fmt.Errorf("write the L1 table: %w", err)
	}
	return t.writeRefcounts(w, p)
}

func (t *tables) writeRefcounts(w io.Writer, p place) error {
	counts := make([]byte, p.blockCount<<t.clusterBits)
	for c := range p.table + p.span {
		n := uint16(1)
		if c < int64(len(t.refs)) {
			n = t.refs[c]
		}
		binary.BigEndian.PutUint16(counts[2*c:], n)
	}
	if _, err := w.Write(counts); err != nil {
		return fmt.Errorf("write the refcount blocks: %w", err)
	}
	table := make([]byte, p.span<<t.clusterBits)
	for i := range p.blockCount {
		binary.BigEndian.PutUint64(table[8*i:], uint64(p.blocks+i)<<t.clusterBits)
	}
	if _, err := w.Write(table); err != nil {
		return fmt.Errorf("write the refcount table: %w", err)
	}
	return nil
}

// header gives the first cluster of the file.
func (t *tables) header(p place, method Compression, backing, backingFormat string) ([]byte, error) {
	b := make([]byte, t.clusterSize())
	be := binary.BigEndian
	be.PutUint32(b[atMagic:], magic)
	be.PutUint32(b[atVersion:], 3)
	be.PutUint32(b[atClusterBits:], uint32(t.clusterBits))
	be.PutUint64(b[atSize:], uint64(t.size))
	be.PutUint32(b[atL1Size:], uint32(p.l1Entries))
	be.PutUint64(b[atL1Offset:], uint64(p.l1)<<t.clusterBits)
	be.PutUint64(b[atRefcountOffset:], uint64(p.table)<<t.clusterBits)
	be.PutUint32(b[atRefcountCount:], uint32(p.span))
	be.PutUint32(b[atRefcountOrder:], refcountOrder)
	be.PutUint32(b[atHeaderLength:], headerLength)
	if method == Zstd {
		be.PutUint64(b[atIncompatible:], incompatCompression)
		b[atCompression] = byte(Zstd)
	}
	if backing == "" {
		return b, nil
	}
	// The extension is padded to eight bytes and followed by eight zeros that end the extensions.
	be.PutUint32(b[headerLength:], extBackingFormat)
	be.PutUint32(b[headerLength+4:], uint32(len(backingFormat)))
	copy(b[headerLength+8:], backingFormat)
	name := headerLength + 8 + (len(backingFormat)+7)&^7 + 8
	if len(backing) > maxBackingName || name+len(backing) > len(b) {
		return nil, fmt.Errorf("the name of the backing file has %d bytes, which is too long", len(backing))
	}
	copy(b[name:], backing)
	be.PutUint64(b[atBackingOffset:], uint64(name))
	be.PutUint32(b[atBackingSize:], uint32(len(backing)))
	return b, nil
}
