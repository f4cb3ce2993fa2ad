package media

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/nodekiln/nodekiln/pkg/media/fat"
	"github.com/nodekiln/nodekiln/pkg/media/qcow2"
	"github.com/nodekiln/nodekiln/pkg/tool"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// DiskSpec says what a golden disk is.
type DiskSpec struct {
	// Root is the root file system's content, owners as numbers and with all parents. GRUB reads boot/grub/grub.cfg in it.
	Root *tree.Tree
	// RootSize of the root partition in bytes, whole mebibytes. 0 makes room for the content and a few hundred MiB more.
	RootSize int64
	// FSUUID and HashSeed are the root file system's, both UUIDs.
	FSUUID, HashSeed string
	// The GUIDs of the disk and of its partitions.
	DiskGUID, BIOSGUID, ESPGUID, RootGUID string
	// ESPVolumeID is the serial number of the EFI system partition's file system.
	ESPVolumeID uint32
	// ModTime is the time of all that the tree has no time for. It must not be before 1980.
	ModTime time.Time
}

// Written says what was written.
type Written struct {
	// Digest is the SHA-256 of the file, in hexadecimal.
	Digest string
	// Size of the file in bytes; the file may have holes.
	Size int64
	// Layout of the disk.
	Layout Layout
}

// CanWriteGolden tells what of the programs and modules that WriteGolden needs is not installed; nil if all is.
func CanWriteGolden() error {
	_, err := findTools()
	return err
}

func findTools() (grub, error) {
	g, err := findGRUB(grubLibrary)
	return g, errors.Join(err, tool.Need("mkfs.ext4"))
}

// WriteGolden makes a disk that starts under BIOS and UEFI and writes it to dst as a qcow2 image that needs no other
// and is not compressed, so that machines can be read from it quickly. It needs room for the content twice, beside dst.
func WriteGolden(ctx context.Context, dst string, s DiskSpec) (Written, error) {
	g, err := findTools()
	if err != nil {
		return Written{}, fmt.Errorf("make a golden disk: %w", err)
	}
	l, size, err := s.layout()
	if err != nil {
		return Written{}, fmt.Errorf("make a golden disk: %w", err)
	}
	var digest string
	var length int64
	err = writeFile(dst, publicPerm, func(f *os.File) error {
		// The lock on the file covers the directory too: a leftover is nobody's.
		scratch := f.Name() + ".d"
		if err := errors.Join(os.RemoveAll(scratch), os.Mkdir(scratch, 0o700)); err != nil {
			return err
		}
		defer os.RemoveAll(scratch)
		raw, err := os.OpenFile(filepath.Join(scratch, "disk.raw"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		defer raw.Close()
		if err := s.assemble(ctx, raw, g, l, size, scratch); err != nil {
			return err
		}
		source, err := qcow2.NewRaw(raw)
		if err != nil {
			return err
		}
		if err := qcow2.Write(ctx, f, source, qcow2.Options{Compression: qcow2.None}); err != nil {
			return err
		}
		digest, length, err = digestFile(f)
		return err
	})
	return Written{Digest: digest, Size: length, Layout: l}, err
}

// layout checks the specification and lays the disk out.
func (s *DiskSpec) layout() (Layout, rootFileSystem, error) {
	if s.Root == nil {
		return Layout{}, rootFileSystem{}, errors.New("there is no root tree")
	}
	if s.ModTime.Before(earliest()) {
		return Layout{}, rootFileSystem{}, fmt.Errorf("the time %v is before 1980", s.ModTime)
	}
	for _, id := range []*string{&s.FSUUID, &s.HashSeed} {
		if err := normalizeUUID(id); err != nil {
			return Layout{}, rootFileSystem{}, fmt.Errorf("root file system: %w", err)
		}
	}
	size, err := sizeRoot(s.Root, s.RootSize)
	if err != nil {
		return Layout{}, rootFileSystem{}, err
	}
	l, err := newLayout(size.size, s.DiskGUID, s.BIOSGUID, s.ESPGUID, s.RootGUID)
	return l, size, err
}

// assemble makes the disk in an empty file.
func (s DiskSpec) assemble(ctx context.Context, raw *os.File, g grub, l Layout, root rootFileSystem, scratch string) error {
	if err := raw.Truncate(l.Size); err != nil {
		return err
	}
	if err := writeGPT(raw, l); err != nil {
		return err
	}
	core, err := g.image(ctx, biosPlatform(), scratch, s.FSUUID)
	if err != nil {
		return err
	}
	if err := g.installBIOS(raw, l, core); err != nil {
		return err
	}
	loader, err := g.image(ctx, uefiPlatform(), scratch, s.FSUUID)
	if err != nil {
		return err
	}
	if err := s.writeESP(raw, l, loader); err != nil {
		return err
	}
	if err := root.make(ctx, raw, l, s, scratch); err != nil {
		return err
	}
	return fillRoot(raw, l, s.Root)
}

// writeESP makes the EFI system partition, with the loader where firmware looks for one on its own (UEFI specification,
// "Removable Media Boot Behavior").
func (s DiskSpec) writeESP(d disk, l Layout, loader []byte) error {
	const origin = "GRUB"
	t, err := tree.New(
		tree.Dir(".", 0o755, s.ModTime, origin), tree.Dir("EFI", 0o755, s.ModTime, origin), tree.Dir("EFI/BOOT", 0o755, s.ModTime, origin),
		tree.File("EFI/BOOT/BOOTX64.EFI", 0o644, s.ModTime, loader, origin))
	if err != nil {
		return err
	}
	v := fat.Volume{Size: l.ESP.Size, HiddenSectors: uint32(l.ESP.Start / sectorSize), ID: s.ESPVolumeID, Label: "ESP"}
	if err := fat.Write(section{disk: d, start: l.ESP.Start, size: l.ESP.Size}, v, t); err != nil {
		return fmt.Errorf("make the EFI system partition: %w", err)
	}
	return nil
}

// digestFile gives the digest and the length of a file.
func digestFile(f *os.File) (digest string, size int64, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", 0, err
	}
	h := sha256.New()
	size, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), size, err
}
