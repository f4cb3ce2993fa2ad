package ext4

import "iter"

// A directory entry: struct ext4_dir_entry_2, Documentation/filesystems/ext4/directory.rst. Offsets in bytes.
const (
	deInode    = 0x0
	deRecLen   = 0x4
	deNameLen  = 0x6
	deFileType = 0x7
	deName     = 0x8

	maxName = 255 // EXT4_NAME_LEN
	// minDirent is the shortest entry, and the length of "." and "..".
	minDirent = 12

	// struct ext4_dir_entry_tail ends a block with checksums: an unused entry with this type, then the checksum.
	dirTailSize     = 12
	dirTailType     = 0xDE
	dirTailChecksum = 0x8
)

// dirent is an entry of a directory block; inode 0 marks room that is not used.
type dirent struct {
	at, length int
	ino        uint32
	kind       uint8
	name       []byte // lies in the block
}

// direntSize is the room that a name needs, in bytes.
func direntSize[T string | []byte](name T) int { return (deName + len(name) + 3) &^ 3 }

// free is how many bytes of the entry's room its name does not need.
func (e dirent) free() int {
	if e.ino == 0 {
		return e.length
	}
	return e.length - direntSize(e.name)
}

// dirents goes through the entries of a block, or of the part of it before the tail, and ends at the first error.
func dirents(b record) iter.Seq2[dirent, error] {
	return func(yield func(dirent, error) bool) {
		for at := 0; at < len(b); {
			e, err := parseDirent(b, at)
			if !yield(e, err) || err != nil {
				return
			}
			at += e.length
		}
	}
}

func parseDirent(b record, at int) (dirent, error) {
	if len(b)-at < minDirent {
		return dirent{}, corrupt("an entry at the end of a directory block has no room")
	}
	e := dirent{at: at, length: int(b.u16(at + deRecLen)), ino: b.u32(at + deInode), kind: b[at+deFileType]}
	if e.length < minDirent || e.length%4 != 0 || e.length > len(b)-at {
		return e, corrupt("a directory entry has %d bytes", e.length)
	}
	if e.ino == 0 {
		return e, nil
	}
	n := int(b[at+deNameLen])
	if n == 0 || (deName+n+3)&^3 > e.length {
		return e, corrupt("a directory entry of %d bytes has a name of %d", e.length, n)
	}
	e.name = b[at+deName : at+deName+n]
	return e, nil
}

func putDirent[T string | []byte](b record, at, length int, ino uint32, kind uint8, name T) {
	b.put32(at+deInode, ino)
	b.put16(at+deRecLen, uint16(length))
	b[at+deNameLen], b[at+deFileType] = byte(len(name)), kind
	copy(b[at+deName:], name)
}

// longestFree gives the most room for a name in one place of a block.
func longestFree(b record) (int, error) {
	longest := 0
	for e, err := range dirents(b) {
		if err != nil {
			return 0, err
		}
		longest = max(longest, e.free())
	}
	return longest, nil
}

// insertDirent puts a name into the first place with room for it, and tells whether there is one.
func insertDirent(b record, ino uint32, kind uint8, name string) (bool, error) {
	for e, err := range dirents(b) {
		if err != nil {
			return false, err
		}
		if e.free() < direntSize(name) {
			continue
		}
		at, length := e.at, e.length
		if e.ino != 0 {
			keep := direntSize(e.name)
			b.put16(at+deRecLen, uint16(keep))
			at, length = at+keep, length-keep
		}
		clear(b[at : at+length])
		putDirent(b, at, length, ino, kind, name)
		return true, nil
	}
	return false, nil
}

// removeDirent takes a name out: its room goes to the entry before it.
func removeDirent(b record, name string) error {
	before := -1
	for e, err := range dirents(b) {
		if err != nil {
			return err
		}
		if e.ino != 0 && string(e.name) == name {
			clear(b[e.at : e.at+e.length])
			if before < 0 {
				b.put16(e.at+deRecLen, uint16(e.length))
			} else {
				b.put16(before+deRecLen, uint16(e.at+e.length-before))
			}
			return nil
		}
		before = e.at
	}
	return corrupt("a directory block lost the name %q", name)
}

// dirUsable is how much of a directory block entries may fill.
func (f *FS) dirUsable() int {
	if f.sums.enabled {
		return f.geo.blockSize - dirTailSize
	}
	return f.geo.blockSize
}

// sealDirBlock writes the tail of a block with entries, and marks the block.
func (f *FS) sealDirBlock(in *inode, b *buffer) {
	b.dirty = true
	if !f.sums.enabled {
		return
	}
	at := f.dirUsable()
	clear(b.data[at:])
	b.data.put16(at+deRecLen, dirTailSize)
	b.data[at+deFileType] = dirTailType
	b.data.put32(at+dirTailChecksum, crc32c(in.seed(f.sums), b.data[:at]))
}

// checkDirBlock verifies the tail of a block with entries.
func (f *FS) checkDirBlock(in *inode, b *buffer) error {
	if !f.sums.enabled {
		return nil
	}
	at := f.dirUsable()
	if b.data.u32(at) != 0 || b.data.u16(at+deRecLen) != dirTailSize || b.data.u16(at+deNameLen) != dirTailType<<8 {
		return corrupt("block %d of directory inode %d has no checksum", b.block, in.num)
	}
	if sum := crc32c(in.seed(f.sums), b.data[:at]); sum != b.data.u32(at+dirTailChecksum) {
		return corrupt("block %d of directory inode %d does not match its checksum", b.block, in.num)
	}
	return nil
}
