package fat

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// DIR_Attr
const (
	attrVolumeID  = 0x08
	attrDirectory = 0x10
	attrArchive   = 0x20
)

// entry makes one directory entry from an 11-byte name.
func entry(name string, attr byte, modTime time.Time, cluster uint32, size uint32) []byte {
	b := make([]byte, entrySize)
	le := binary.LittleEndian
	copy(b, name)
	b[11] = attr
	date, clock := dosTime(modTime)
	le.PutUint16(b[14:], clock) // DIR_CrtTime, DIR_CrtDate
	le.PutUint16(b[16:], date)
	le.PutUint16(b[18:], date)                // DIR_LstAccDate
	le.PutUint16(b[20:], uint16(cluster>>16)) // DIR_FstClusHI
	le.PutUint16(b[22:], clock)               // DIR_WrtTime, DIR_WrtDate
	le.PutUint16(b[24:], date)
	le.PutUint16(b[26:], uint16(cluster)) // DIR_FstClusLO
	le.PutUint32(b[28:], size)
	return b
}

// dosTime gives a time in UTC in the form of directory entries, which reaches from 1980 to 2107 in steps of two
// seconds.
func dosTime(t time.Time) (date, clock uint16) {
	t = t.UTC()
	switch year := t.Year(); {
	case year < 1980:
		t = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	case year > 2107:
		t = time.Date(2107, 12, 31, 23, 59, 58, 0, time.UTC)
	}
	date = uint16(t.Year()-1980)<<9 | uint16(t.Month())<<5 | uint16(t.Day())
	clock = uint16(t.Hour())<<11 | uint16(t.Minute())<<5 | uint16(t.Second()/2)
	return date, clock
}

// shortName gives the 11 bytes of an "8.3" name. Others would need long-name entries.
func shortName(name string) (string, error) {
	base, ext, dot := strings.Cut(name, ".")
	if len(base) == 0 || len(base) > 8 || len(ext) > 3 || dot && ext == "" || !isShort(base) || !isShort(ext) {
		return "", fmt.Errorf("%q is not a short FAT name (up to 8 capital letters, digits and signs, a dot and up to 3 more)", name)
	}
	return padded(base, 8) + padded(ext, 3), nil
}

// isShort says whether all characters may stand in a short name.
func isShort(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("$%'-_@~`!(){}^#&", rune(c)) {
			return false
		}
	}
	return true
}

func padded(s string, n int) string { return s + strings.Repeat(" ", n-len(s)) }
