package media

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nodekiln/nodekiln/pkg/tool"
)

// grubLibrary is where Debian and CentOS install GRUB's modules, in one directory for each platform.
const grubLibrary = "/usr/lib/grub"

// Offsets within GRUB's own boot blocks, from include/grub/i386/pc/boot.h of GRUB.
const (
	// bootCodeEnd is where the boot code of an MBR ends: the disk signature and the partitions follow.
	bootCodeEnd = 0x1b8
	// kernelSector in boot.img is the LBA of the core image, of 8 bytes (GRUB_BOOT_MACHINE_KERNEL_SECTOR).
	kernelSector = 0x5c
	// driveCheck in boot.img is a jump that distrusts the BIOS's drive number; on hard disks it becomes two NOPs
	// (GRUB_BOOT_MACHINE_DRIVE_CHECK).
	driveCheck = 0x66
	// blocklist in the first sector of core.img is the LBA of its second, of 8 bytes: the last entry of a list that
	// grows downwards from the sector's end (GRUB_BOOT_MACHINE_LIST_SIZE).
	blocklist = 0x1f4
)

// grubPlatform is a kind of firmware that GRUB is made for.
type grubPlatform struct {
	name           string
	debian, centos string // the packages of its modules
	modules        []string
}

// grubModules are what the configuration in the root file system may use: finding the root, menus, and Linux.
var grubModules = [...]string{
	"part_gpt", "part_msdos", "ext2", "fat", "iso9660", "search", "search_fs_uuid", "search_label", "normal", "linux",
	"echo", "serial", "terminal", "configfile", "test", "minicmd", "boot", "halt", "reboot",
}

func biosPlatform() grubPlatform {
	return grubPlatform{
		name: "i386-pc", debian: "grub-pc-bin", centos: "grub2-pc-modules",
		modules: append([]string{"biosdisk"}, grubModules[:]...),
	}
}

func uefiPlatform() grubPlatform {
	return grubPlatform{
		name: "x86_64-efi", debian: "grub-efi-amd64-bin", centos: "grub2-efi-x64-modules",
		modules: append([]string{"efi_gop", "efi_uga"}, grubModules[:]...),
	}
}

// grub makes GRUB's images.
type grub struct {
	mkimage string // the program: grub-mkimage, or grub2-mkimage on CentOS
	library string // the directory of the platforms' modules
}

// findGRUB looks for GRUB's program and modules, and names the packages of all that is missing.
func findGRUB(library string) (grub, error) {
	g := grub{mkimage: "grub-mkimage", library: library}
	_, err := tool.Look(g.mkimage)
	if err != nil {
		if _, err2 := tool.Look("grub2-mkimage"); err2 == nil {
			g.mkimage, err = "grub2-mkimage", nil
		}
	}
	errs := []error{err}
	for _, p := range []grubPlatform{biosPlatform(), uefiPlatform()} {
		dir := filepath.Join(library, p.name)
		if _, err := os.Stat(filepath.Join(dir, "modinfo.sh")); errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("GRUB's modules in %s are not installed: on Debian and Ubuntu run 'apt-get install %s', on CentOS and Fedora 'dnf install %s'",
				dir, p.debian, p.centos))
		} else if err != nil {
			errs = append(errs, err)
		}
	}
	return g, errors.Join(errs...)
}

// image makes a GRUB image that finds the file system with the UUID and goes on with boot/grub/grub.cfg in it. It looks
// on the first disk first, which mostly is the one that it was read from, before it asks floppy drives and the like.
func (g grub) image(ctx context.Context, p grubPlatform, scratch, fsUUID string) ([]byte, error) {
	config := filepath.Join(scratch, p.name+".cfg")
	early := "search.fs_uuid " + fsUUID + " root hd0,gpt3\nset prefix=($root)/boot/grub\nconfigfile ($root)/boot/grub/grub.cfg\n"
	if err := os.WriteFile(config, []byte(early), 0o600); err != nil {
		return nil, err
	}
	out := filepath.Join(scratch, p.name+".img")
	args := []string{
		"--directory", filepath.Join(g.library, p.name), "--format", p.name, "--output", out,
		"--prefix", "/boot/grub", "--config", config,
	}
	if err := (tool.Cmd{Name: g.mkimage, Args: append(args, p.modules...)}).Run(ctx); err != nil {
		return nil, fmt.Errorf("make GRUB's image for %s: %w", p.name, err)
	}
	return os.ReadFile(out)
}

// installBIOS writes GRUB's boot code into the MBR and its core image into the BIOS-boot partition, and points each at
// what comes after it.
func (g grub) installBIOS(d io.WriterAt, l Layout, core []byte) error {
	boot, err := os.ReadFile(filepath.Join(g.library, biosPlatform().name, "boot.img"))
	if err != nil {
		return fmt.Errorf("read GRUB's boot code: %w", err)
	}
	if len(boot) != sectorSize || len(core) < 2*sectorSize || int64(len(core)) > l.BIOS.Size {
		return fmt.Errorf("GRUB's boot code of %d bytes and core image of %d bytes do not fit a BIOS-boot partition of %d bytes",
			len(boot), len(core), l.BIOS.Size)
	}
	lba := uint64(l.BIOS.Start / sectorSize)
	binary.LittleEndian.PutUint64(boot[kernelSector:], lba)
	copy(boot[driveCheck:], "\x90\x90")
	binary.LittleEndian.PutUint64(core[blocklist:], lba+1)
	if _, err := d.WriteAt(boot[:bootCodeEnd], 0); err != nil {
		return fmt.Errorf("write GRUB's boot code: %w", err)
	}
	if _, err := d.WriteAt(core, l.BIOS.Start); err != nil {
		return fmt.Errorf("write GRUB's core image: %w", err)
	}
	return nil
}
