package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"

	"github.com/diskfs/go-diskfs/partition/gpt"
)

// disk is what a partition table can be written to.
type disk interface {
	io.ReaderAt
	io.WriterAt
}

// writeGPT writes the partition table, its backup at the end of the disk and the protective MBR, and leaves the boot
// code of the MBR as it is.
func writeGPT(d disk, l Layout) error {
	t := &gpt.Table{LogicalSectorSize: sectorSize, PhysicalSectorSize: sectorSize, GUID: l.DiskGUID}
	for _, p := range []struct {
		Partition
		kind gpt.Type
		name string
	}{{l.BIOS, gpt.BIOSBoot, "bios"}, {l.ESP, gpt.EFISystemPartition, "esp"}, {l.Root, gpt.LinuxRootX86_64, "root"}} {
		t.Partitions = append(t.Partitions, &gpt.Partition{
			Index: p.Number, Type: p.kind, Name: p.name, GUID: p.GUID,
			Start: uint64(p.Start) / sectorSize, End: uint64(p.Start+p.Size)/sectorSize - 1,
		})
	}
	if err := t.Write(gptDevice{disk: d}, l.Size); err != nil {
		return fmt.Errorf("write partition table: %w", err)
	}
	if _, err := d.WriteAt(protectiveMBR(l.Size), mbrPartitions); err != nil {
		return fmt.Errorf("write protective MBR: %w", err)
	}
	return nil
}

// mbrPartitions is the offset of the partition entries in an MBR, behind the boot code and the disk signature.
const mbrPartitions = 0x1be

// protectiveMBR gives the partition entries and the signature of an MBR whose one partition covers the disk, as far as
// its 32 bits reach (UEFI specification, "Protective MBR").
func protectiveMBR(size int64) []byte {
	b := make([]byte, sectorSize-mbrPartitions)
	copy(b[1:], []byte{0x00, 0x02, 0x00}) // CHS of LBA 1
	b[4] = 0xee                           // GPT protective
	copy(b[5:], []byte{0xff, 0xff, 0xff}) // CHS beyond what it can express
	binary.LittleEndian.PutUint32(b[8:], 1)
	binary.LittleEndian.PutUint32(b[12:], uint32(min(size/sectorSize-1, math.MaxUint32)))
	copy(b[len(b)-2:], []byte{0x55, 0xaa})
	return b
}

// readLayout reads the partition table of a disk that writeGPT wrote.
func readLayout(d io.ReaderAt, size int64) (Layout, error) {
	t, err := gpt.Read(gptDevice{disk: readOnly{d}, size: size}, sectorSize, sectorSize)
	if err != nil {
		return Layout{}, fmt.Errorf("read partition table: %w", err)
	}
	l := Layout{Size: size, DiskGUID: strings.ToLower(t.GUID)}
	for _, p := range t.Partitions {
		part := Partition{
			Number: p.Index, GUID: strings.ToLower(p.GUID),
			Start: int64(p.Start) * sectorSize, Size: int64(p.End-p.Start+1) * sectorSize,
		}
		if p.Start > p.End || p.End >= uint64(size/sectorSize) {
			return Layout{}, fmt.Errorf("read partition table: partition %d lies outside the disk", p.Index)
		}
		switch p.Type {
		case gpt.BIOSBoot:
			l.BIOS = part
		case gpt.EFISystemPartition:
			l.ESP = part
		case gpt.LinuxRootX86_64:
			l.Root = part
		}
	}
	if l.BIOS.Start != biosStart || l.ESP.Start != espStart || l.Root.Start != rootStart {
		return Layout{}, errors.New("read partition table: these are not the partitions of a golden disk")
	}
	return l, nil
}

// gptDevice is a disk in the form that package gpt wants: it positions each access, and only looks for the size.
type gptDevice struct {
	disk
	size int64
}

func (d gptDevice) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekEnd {
		return 0, errors.ErrUnsupported
	}
	return d.size + offset, nil
}

func (gptDevice) Read([]byte) (int, error)   { return 0, errors.ErrUnsupported }
func (gptDevice) Stat() (fs.FileInfo, error) { return nil, errors.ErrUnsupported }
func (gptDevice) Close() error               { return nil }

// readOnly refuses writes.
type readOnly struct{ io.ReaderAt }

func (readOnly) WriteAt([]byte, int64) (int, error) { return 0, fs.ErrPermission }
