package media

import (
	"fmt"

	"github.com/google/uuid"
)

const (
	sectorSize = 512
	mebibyte   = 1 << 20

	// Partitions begin at whole mebibytes, as all partitioning programs place them. The BIOS-boot partition has to hold
	// GRUB's core image, of some 100 KiB; the EFI system partition is as small as FAT32 on it can well be.
	biosStart = 1 * mebibyte
	biosSize  = 1 * mebibyte
	espStart  = biosStart + biosSize
	espSize   = 64 * mebibyte
	rootStart = espStart + espSize

	// The last mebibyte holds the backup of the partition table.
	tailSize = 1 * mebibyte
)

// Layout says where the parts of a disk are.
type Layout struct {
	// Size of the disk in bytes.
	Size int64 `json:"size"`
	// DiskGUID as Linux prints it, in lower case.
	DiskGUID string `json:"diskGUID"`
	// BIOS is the partition of GRUB's core image, ESP the EFI system partition, Root the root file system's.
	BIOS Partition `json:"bios"`
	ESP  Partition `json:"esp"`
	Root Partition `json:"root"`
}

// Partition is one entry of the partition table.
type Partition struct {
	// Number from 1 on.
	Number int `json:"number"`
	// Start and Size in bytes.
	Start int64 `json:"start"`
	Size  int64 `json:"size"`
	// GUID as Linux prints it, in lower case.
	GUID string `json:"guid"`
}

// newLayout lays out a disk with a root partition of that size.
func newLayout(rootSize int64, disk, bios, esp, root string) (Layout, error) {
	l := Layout{
		Size:     rootStart + rootSize + tailSize,
		DiskGUID: disk,
		BIOS:     Partition{Number: 1, Start: biosStart, Size: biosSize, GUID: bios},
		ESP:      Partition{Number: 2, Start: espStart, Size: espSize, GUID: esp},
		Root:     Partition{Number: 3, Start: rootStart, Size: rootSize, GUID: root},
	}
	for _, id := range []struct {
		of   string
		guid *string
	}{{"disk", &l.DiskGUID}, {"BIOS-boot partition", &l.BIOS.GUID}, {"EFI system partition", &l.ESP.GUID}, {"root partition", &l.Root.GUID}} {
		if err := normalizeUUID(id.guid); err != nil {
			return Layout{}, fmt.Errorf("GUID of the %s: %w", id.of, err)
		}
	}
	return l, nil
}

// grow gives the layout of a larger disk, on which the root partition reaches to the end.
func (l Layout) grow(size int64, disk, root string) (Layout, error) {
	if size < l.Size {
		return Layout{}, fmt.Errorf("a disk of %d bytes is smaller than its golden disk of %d bytes", size, l.Size)
	}
	if size%sectorSize != 0 {
		return Layout{}, fmt.Errorf("a disk of %d bytes is not made of whole sectors of %d bytes", size, sectorSize)
	}
	end := size/mebibyte*mebibyte - tailSize
	grown, err := newLayout(end-l.Root.Start, disk, l.BIOS.GUID, l.ESP.GUID, root)
	grown.Size = size
	return grown, err
}

// normalizeUUID checks a UUID or GUID and writes it as Linux does.
func normalizeUUID(s *string) error {
	// Parse also takes forms with braces and with a urn: prefix.
	u, err := uuid.Parse(*s)
	if err != nil || len(*s) != len(u.String()) {
		return fmt.Errorf("%q is not a UUID of the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", *s)
	}
	*s = u.String()
	return nil
}
