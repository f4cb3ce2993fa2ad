package ext4

import (
	"fmt"
	"strings"
)

// Extended attributes: struct ext4_xattr_entry and its headers, Documentation/filesystems/ext4/attributes.rst. They lie
// behind an inode's extra fields, and in one block more that inodes may share. Entries grow from the front, values from
// the back. Offsets in bytes.
const (
	xattrMagic       = 0xEA020000
	xattrInodeHeader = 4
	xattrBlockHeader = 32

	hMagic    = 0x0
	hRefcount = 0x4
	hBlocks   = 0x8
	hHash     = 0xC
	hChecksum = 0x10

	xattrEntrySize = 16
	eNameLen       = 0x0
	eNameIndex     = 0x1
	eValueOffs     = 0x2
	eValueInum     = 0x4
	eValueSize     = 0x8
	eHash          = 0xC
)

// xattrPrefix is a beginning of names that is stored as a number.
type xattrPrefix struct {
	index  uint8
	prefix string
}

// xattrPrefixes are EXT4_XATTR_INDEX_*; the names of access control lists are whole.
func xattrPrefixes() []xattrPrefix {
	return []xattrPrefix{
		{indexACLAccess, "system.posix_acl_access"},
		{indexACLDefault, "system.posix_acl_default"},
		{1, "user."},
		{4, "trusted."},
		{6, "security."},
	}
}

const (
	indexACLAccess  = 2
	indexACLDefault = 3
)

// xattr is an extended attribute as it is stored.
type xattr struct {
	index uint8
	name  string // without the prefix
	value []byte
}

// newXattr gives the stored form of an attribute.
func newXattr(name string, value []byte) (xattr, error) {
	for _, p := range xattrPrefixes() {
		rest, ok := strings.CutPrefix(name, p.prefix)
		isACL := p.index == indexACLAccess || p.index == indexACLDefault
		if !ok || isACL != (rest == "") || len(rest) > maxName {
			continue
		}
		if isACL {
			stored, err := storeACL(value)
			if err != nil {
				return xattr{}, fmt.Errorf("extended attribute %s: %w", name, err)
			}
			value = stored
		}
		return xattr{index: p.index, name: rest, value: value}, nil
	}
	return xattr{}, fmt.Errorf("extended attribute %q: ext4 has no place for such a name", name)
}

// generic gives the name and value by which a program knows the attribute.
func (x xattr) generic() (string, []byte, error) {
	for _, p := range xattrPrefixes() {
		if p.index != x.index {
			continue
		}
		if x.index == indexACLAccess || x.index == indexACLDefault {
			value, err := loadACL(x.value)
			return p.prefix, value, err
		}
		return p.prefix + x.name, x.value, nil
	}
	return "", nil, corrupt("an extended attribute has the unknown name index %d", x.index)
}

// entrySize and valueSize are the room that an attribute needs, in bytes.
func (x xattr) entrySize() int { return (xattrEntrySize + len(x.name) + 3) &^ 3 }
func (x xattr) valueSize() int { return (len(x.value) + 3) &^ 3 }

// hash is ext4_xattr_hash_entry() of the kernel.
func (x xattr) hash() uint32 {
	hash := uint32(0)
	for i := range len(x.name) {
		hash = hash<<5 ^ hash>>27 ^ uint32(x.name[i])
	}
	padded := make(record, x.valueSize())
	copy(padded, x.value)
	for at := 0; at < len(padded); at += 4 {
		hash = hash<<16 ^ hash>>16 ^ padded.u32(at)
	}
	return hash
}

// putXattrs writes entries to the front and values to the back of an area; offsets of values count from its base bytes
// before. The area is zeros, and is known to be large enough.
func putXattrs(area record, base int, xattrs []xattr) {
	at, value := 0, len(area)
	for _, x := range xattrs {
		e := area[at:]
		e[eNameLen], e[eNameIndex] = byte(len(x.name)), x.index
		if len(x.value) > 0 {
			value -= x.valueSize()
			copy(area[value:], x.value)
			e.put16(eValueOffs, uint16(base+value))
		}
		e.put32(eValueSize, uint32(len(x.value)))
		e.put32(eHash, x.hash())
		copy(e[xattrEntrySize:], x.name)
		at += x.entrySize()
	}
}

// parseXattrs reads what putXattrs writes.
func parseXattrs(area record, base int) ([]xattr, error) {
	var xattrs []xattr
	for at := 0; ; {
		// Four zero bytes end the entries.
		if at+4 > len(area) {
			return nil, corrupt("the extended attributes have no end")
		}
		if area.u32(at) == 0 {
			return xattrs, nil
		}
		if at+xattrEntrySize > len(area) {
			return nil, corrupt("the extended attributes have no end")
		}
		e := area[at:]
		x := xattr{index: e[eNameIndex]}
		size, offset := int(e.u32(eValueSize)), int(e.u16(eValueOffs))-base
		if size == 0 {
			offset = 0
		}
		if at += (xattrEntrySize + int(e[eNameLen]) + 3) &^ 3; at > len(area) {
			return nil, corrupt("an extended attribute's name is too long")
		}
		if e.u32(eValueInum) != 0 || offset < 0 || size > len(area)-offset {
			return nil, corrupt("an extended attribute's value of %d bytes lies outside", size)
		}
		x.name = string(e[xattrEntrySize : xattrEntrySize+int(e[eNameLen])])
		x.value = append([]byte(nil), area[offset:offset+size]...)
		xattrs = append(xattrs, x)
	}
}
