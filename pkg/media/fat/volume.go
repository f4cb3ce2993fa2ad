package fat

import (
	"encoding/binary"
	"fmt"
	"io"
)

const (
	sectorSize      = 512
	reservedSectors = 32 // BPB_RsvdSecCnt, "typically 32" for FAT32
	numFATs         = 2  // BPB_NumFATs
	fsInfoSector    = 1  // BPB_FSInfo
	backupSector    = 6  // BPB_BkBootSec, "no value other than 6 is recommended"
	rootCluster     = 2  // BPB_RootClus
	media           = 0xf8
	entrySize       = 32

	// A volume with fewer clusters is FAT16 by definition, whatever it says of itself.
	minClusters = 65525
	// Cluster numbers from 0x0ffffff7 on have other meanings.
	maxClusters = 0x0ffffff5

	endOfChain = 0x0fffffff
)

// Volume says what a new file system is.
type Volume struct {
	// Size in bytes, a multiple of 512.
	Size int64
	// HiddenSectors is the number of sectors of the disk before the volume.
	HiddenSectors uint32
	// ID is the serial number that Linux shows as the file system's UUID, as XXXX-XXXX.
	ID uint32
	// Label of up to 11 characters.
	Label string
}

// geometry is how the volume's sectors are divided.
type geometry struct {
	Volume
	sectorsPerCluster uint32
	fatSectors        uint32
	clusters          uint32
}

// layOut divides the volume.
func layOut(v Volume) (geometry, error) {
	if v.Size < 0 || v.Size%sectorSize != 0 || v.Size/sectorSize > 0xffffffff {
		return geometry{}, fmt.Errorf("%d bytes are no possible size of a FAT32 volume", v.Size)
	}
	g := geometry{Volume: v, sectorsPerCluster: 8}
	// The table for FAT32 recommends clusters of one sector up to 260 MB, and of eight up to 8 GB.
	if v.Size <= 260<<20 {
		g.sectorsPerCluster = 1
	}
	total := uint32(v.Size / sectorSize)
	if total <= reservedSectors {
		return geometry{}, fmt.Errorf("%d bytes are too few for a FAT32 volume", v.Size)
	}
	// The table has room for as many clusters as there would be without it, which is a few more than there are.
	atMost := (total - reservedSectors) / g.sectorsPerCluster
	g.fatSectors = (atMost + 2 + sectorSize/4 - 1) / (sectorSize / 4)
	if data := int64(total) - reservedSectors - numFATs*int64(g.fatSectors); data > 0 {
		g.clusters = uint32(data) / g.sectorsPerCluster
	}
	if g.clusters < minClusters || g.clusters > maxClusters {
		return geometry{}, fmt.Errorf("a volume of %d bytes has %d clusters, FAT32 is for %d to %d", v.Size, g.clusters, minClusters, maxClusters)
	}
	return g, nil
}

func (g geometry) clusterSize() int64 { return int64(g.sectorsPerCluster) * sectorSize }

// offset of a cluster's first byte in the volume.
func (g geometry) offset(cluster uint32) int64 {
	return (reservedSectors+numFATs*int64(g.fatSectors))*sectorSize + int64(cluster-rootCluster)*g.clusterSize()
}

// bootSector is sector 0, with the BIOS parameter block.
func (g geometry) bootSector() []byte {
	b := make([]byte, sectorSize)
	le := binary.LittleEndian
	copy(b[0:], "\xeb\x58\x90NODEKILN") // BS_jmpBoot over the parameters, BS_OEMName
	le.PutUint16(b[11:], sectorSize)    // BPB_BytsPerSec
	b[13] = byte(g.sectorsPerCluster)
	le.PutUint16(b[14:], reservedSectors)
	b[16] = numFATs
	b[21] = media
	le.PutUint16(b[24:], 63)  // BPB_SecPerTrk and BPB_NumHeads, of the geometry that
	le.PutUint16(b[26:], 255) // BIOSes translate large disks to
	le.PutUint32(b[28:], g.HiddenSectors)
	le.PutUint32(b[32:], uint32(g.Size/sectorSize))
	le.PutUint32(b[36:], g.fatSectors)
	le.PutUint32(b[44:], rootCluster)
	le.PutUint16(b[48:], fsInfoSector)
	le.PutUint16(b[50:], backupSector)
	b[64] = 0x80 // BS_DrvNum of a hard disk
	b[66] = 0x29 // BS_BootSig: the next three fields are there
	le.PutUint32(b[67:], g.ID)
	copy(b[71:82], padded(g.labelOr("NO NAME"), 11))
	copy(b[82:90], "FAT32   ")
	// Not bootable by itself: int 0x18 hands back to the BIOS, which tries its next device.
	copy(b[90:], "\xcd\x18\xeb\xfe")
	b[510], b[511] = 0x55, 0xaa
	return b
}

func (g geometry) labelOr(none string) string {
	if g.Label == "" {
		return none
	}
	return g.Label
}

// fsInfo is the FSInfo sector, for a volume whose clusters up to next are in use.
func (g geometry) fsInfo(next uint32) []byte {
	b := make([]byte, sectorSize)
	le := binary.LittleEndian
	le.PutUint32(b[0:], 0x41615252)                      // FSI_LeadSig
	le.PutUint32(b[484:], 0x61417272)                    // FSI_StrucSig
	le.PutUint32(b[488:], g.clusters-(next-rootCluster)) // FSI_Free_Count
	le.PutUint32(b[492:], next)                          // FSI_Nxt_Free
	le.PutUint32(b[508:], 0xaa550000)                    // FSI_TrailSig
	return b
}

// writeBoot writes the boot sector and the FSInfo sector, and the backup of both.
func (g geometry) writeBoot(dev io.WriterAt, next uint32) error {
	both := append(g.bootSector(), g.fsInfo(next)...)
	for _, sector := range []int64{0, backupSector} {
		if _, err := dev.WriteAt(both, sector*sectorSize); err != nil {
			return fmt.Errorf("write the boot sector: %w", err)
		}
	}
	return nil
}

// writeFATs writes both copies of the allocation table, given the used part of it.
func (g geometry) writeFATs(dev io.WriterAt, table []uint32) error {
	b := make([]byte, 4*len(table))
	for i, e := range table {
		binary.LittleEndian.PutUint32(b[4*i:], e)
	}
	for n := range int64(numFATs) {
		if _, err := dev.WriteAt(b, (reservedSectors+n*int64(g.fatSectors))*sectorSize); err != nil {
			return fmt.Errorf("write the allocation table: %w", err)
		}
	}
	return nil
}
