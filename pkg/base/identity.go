package base

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// identity holds the identifiers of a base's disk and filesystems. They follow from the recipe, so that two builds of
// one base are equal while two bases never share one.
type identity struct {
	fsUUID, hashSeed, diskGUID, biosGUID, espGUID, rootGUID string
	espVolumeID                                             uint32
}

func newIdentity(recipe string) identity {
	return identity{
		fsUUID: deriveUUID(recipe, "root filesystem"), hashSeed: deriveUUID(recipe, "directory hash"),
		diskGUID: deriveUUID(recipe, "disk"), biosGUID: deriveUUID(recipe, "BIOS boot partition"),
		espGUID: deriveUUID(recipe, "EFI system partition"), rootGUID: deriveUUID(recipe, "root partition"),
		espVolumeID: binary.BigEndian.Uint32(derive(recipe, "EFI volume")),
	}
}

func derive(recipe, purpose string) []byte {
	sum := sha256.Sum256([]byte(recipe + "\x00" + purpose))
	return sum[:]
}

// deriveUUID gives a UUID of version 8, whose bits are the maker's own: RFC 9562, section 5.8.
func deriveUUID(recipe, purpose string) string {
	b := derive(recipe, purpose)[:16]
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
