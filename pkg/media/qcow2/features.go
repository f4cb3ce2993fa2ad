package qcow2

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strings"
)

// incompatCompression is the one incompatible feature that can be read: compression_type is not zlib.
const incompatCompression = 1 << 3

// incompatName names an incompatible feature by its bit, for those that the specification has.
func incompatName(bit int) string {
	switch bit {
	case 0:
		return "dirty (a writer did not end cleanly; 'qemu-img check -r all' repairs it)"
	case 1:
		return "corrupt ('qemu-img check -r all' may repair it)"
	case 2:
		return "external data file"
	case 4:
		return "extended L2 entries"
	}
	return ""
}

// checkFeatures refuses every incompatible feature but the known one, each by its name. The names of features that came
// after this package are in the image itself, in its feature name table.
func (h *header) checkFeatures(r io.ReaderAt, features uint64, length int64) error {
	var names []string
	for rest := features &^ incompatCompression; rest != 0; rest &= rest - 1 {
		bit := bits.TrailingZeros64(rest)
		name := incompatName(bit)
		if name == "" {
			name = featureName(r, h, length, bit)
		}
		names = append(names, name)
	}
	if names == nil {
		return nil
	}
	return fmt.Errorf("the image has incompatible features that cannot be read: %s", strings.Join(names, ", "))
}

// featureName looks an incompatible feature up in the image's feature name table.
func featureName(r io.ReaderAt, h *header, length int64, bit int) string {
	const entry = 48 // type, bit number, and the name padded with zeros
	fallback := fmt.Sprintf("bit %d", bit)
	table, err := findExtension(r, h, length, extFeatureNames)
	if err != nil {
		return fallback
	}
	for ; len(table) >= entry; table = table[entry:] {
		const incompatible = 0
		if table[0] == incompatible && int(table[1]) == bit {
			return fmt.Sprintf("%q", bytes.TrimRight(table[2:entry], "\x00"))
		}
	}
	return fallback
}

// findExtension gives the data of the header extension of that type, nil when there is none.
func findExtension(r io.ReaderAt, h *header, at int64, kind uint32) ([]byte, error) {
	for at+8 <= h.clusterSize() {
		var head [8]byte
		if _, err := r.ReadAt(head[:], at); errors.Is(err, io.EOF) {
			return nil, nil
		} else if err != nil {
			return nil, fmt.Errorf("read the header extensions: %w", err)
		}
		found, size := binary.BigEndian.Uint32(head[:]), int64(binary.BigEndian.Uint32(head[4:]))
		at += 8
		switch {
		case found == extEnd:
			return nil, nil
		case at+size > h.clusterSize():
			return nil, errors.New("a header extension reaches beyond the first cluster")
		case found == kind:
			data := make([]byte, size)
			if _, err := r.ReadAt(data, at); err != nil {
				return nil, fmt.Errorf("read a header extension: %w", err)
			}
			return data, nil
		}
		at += (size + 7) &^ 7
	}
	return nil, nil
}

// readStrings reads the name of the backing file and of its format.
func (h *header) readStrings(r io.ReaderAt, length int64, offset uint64, size uint32) error {
	if offset == 0 {
		return nil
	}
	if end := uint64(h.clusterSize()); size == 0 || size > maxBackingName || offset > end || offset+uint64(size) > end {
		return errors.New("the name of the backing file lies outside the first cluster")
	}
	name := make([]byte, size)
	if _, err := r.ReadAt(name, int64(offset)); err != nil {
		return fmt.Errorf("read the name of the backing file: %w", err)
	}
	format, err := findExtension(r, h, length, extBackingFormat)
	if err != nil {
		return err
	}
	h.backing, h.backingFormat = string(name), string(format)
	return nil
}
