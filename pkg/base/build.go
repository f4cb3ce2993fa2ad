package base

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/nodekiln/nodekiln/pkg/media"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// build is one making of a base, under the lock of its entry.
type build struct {
	recipe   *recipe
	entry    entry
	progress Progress
	programs Programs
	images   Images
}

// run makes the image and gives what is known of it. The temporary files are gone when it returns.
func (b build) run(ctx context.Context) (_ Info, err error) {
	dir, lock, err := b.entry.makeWorkdir(ctx)
	if err != nil {
		return Info{}, err
	}
	defer lock.Close()
	defer func() { err = errors.Join(err, b.entry.removeWorkdirs(context.WithoutCancel(ctx))) }()
	// They come first: what can not be made is told before the minutes that the bootstrap takes.
	programs := &tree.Tree{}
	if b.programs != nil {
		if programs, err = b.programs.Tree(ctx); err != nil {
			return Info{}, err
		}
	}
	if b.images != nil {
		if err := b.images.Prepare(ctx); err != nil {
			return Info{}, fmt.Errorf("container images: %w", err)
		}
	}
	name, err := b.recipe.bootstrap(ctx, dir, b.progress)
	if err != nil {
		return Info{}, err
	}
	archive, err := os.Open(name)
	if err != nil {
		return Info{}, fmt.Errorf("read the bootstrap: %w", err)
	}
	defer archive.Close()
	b.progress.Stage("reading the root filesystem", doneTar)
	root, err := readRoot(archive)
	if err != nil {
		return Info{}, err
	}
	return b.image(ctx, root, programs)
}

func readRoot(archive *os.File) (*tree.Tree, error) {
	stat, err := archive.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the bootstrap: %w", err)
	}
	return tree.FromTar(archive, stat.Size(), "debian")
}

// image makes the disk from the root filesystem as mmdebstrap packed it, and the programs that are laid over it.
func (b build) image(ctx context.Context, packed, programs *tree.Tree) (Info, error) {
	b.progress.Stage("making the initrd", doneInitrd)
	root, kernel, err := b.recipe.root(packed, programs)
	if err != nil {
		return Info{}, err
	}
	if root, err = b.withImages(root); err != nil {
		return Info{}, err
	}
	packages, err := installedPackages(root)
	if err != nil {
		return Info{}, err
	}
	b.progress.Stage("writing the disk", doneImage)
	id := b.recipe.identity
	made, err := media.WriteGolden(ctx, b.entry.path(imageName), media.DiskSpec{
		Root: root, FSUUID: id.fsUUID, HashSeed: id.hashSeed, DiskGUID: id.diskGUID, BIOSGUID: id.biosGUID,
		ESPGUID: id.espGUID, RootGUID: id.rootGUID, ESPVolumeID: id.espVolumeID, ModTime: b.recipe.modTime,
	})
	if err != nil {
		return Info{}, err
	}
	b.progress.Stage("done", 1)
	return Info{
		Digest: made.Digest, Release: b.recipe.base.Debian, Kernel: kernel, RootUUID: id.fsUUID, Layout: made.Layout,
		Packages: packages,
	}, nil
}

// withImages lays the container images over the finished root filesystem, which they may be made of.
func (b build) withImages(root *tree.Tree) (*tree.Tree, error) {
	if b.images == nil {
		return root, nil
	}
	b.progress.Stage("putting the container images in", doneContainers)
	images, err := b.images.Tree(root)
	if err != nil {
		return nil, fmt.Errorf("container images: %w", err)
	}
	return tree.Merge(root, images).WithParents(b.recipe.modTime), nil
}

// root gives the finished root filesystem of the image, and the version of its kernel.
func (r *recipe) root(packed, programs *tree.Tree) (*tree.Tree, string, error) {
	clean, err := normalise(packed, r.modTime)
	if err != nil {
		return nil, "", fmt.Errorf("clean the root filesystem: %w", err)
	}
	m, err := findModules(clean)
	if err != nil {
		return nil, "", err
	}
	ramdisk, err := initrd(clean, m, r.modTime)
	if err != nil {
		return nil, "", err
	}
	grub, err := grubConfig(r.identity.fsUUID, m.version)
	if err != nil {
		return nil, "", err
	}
	overlay := tree.Merge(r.overlay)
	if err := resolveOwners(overlay, clean); err != nil {
		return nil, "", fmt.Errorf("lay the overlays: %w", err)
	}
	generated, err := tree.New(
		tree.File("boot/initrd.img-"+m.version, 0o644, r.modTime, ramdisk, "initrd"),
		tree.File("boot/grub/grub.cfg", 0o644, r.modTime, grub, "boot loader"),
		tree.File("etc/fstab", 0o644, r.modTime, fstab(r.identity.fsUUID), "base"),
		tree.File("etc/apt/sources.list", 0o644, r.modTime, r.aptSources(), "base"),
		// An empty one is neither a first boot, for which systemd would set up units anew, nor an identity.
		tree.File("etc/machine-id", 0o444, r.modTime, nil, "base"),
		// No older than /usr, these tell systemd-sysusers and others that there is nothing to update: systemd.unit(5),
		// ConditionNeedsUpdate.
		tree.File("etc/.updated", 0o644, r.modTime, nil, "base"),
		tree.File("var/.updated", 0o644, r.modTime, nil, "base"),
	)
	if err != nil {
		return nil, "", err
	}
	root := tree.Merge(clean, programs, overlay, generated).WithParents(r.modTime)
	if _, ok := root.Get("."); !ok {
		err = root.Add(tree.Dir(".", 0o755, r.modTime, "base"))
	}
	return root, m.version, err
}

// fstab gives fstab(5). systemd grows the filesystem to the size of its partition; the kernel replays the journal, and
// no check delays a start. The EFI system partition is for the firmware alone.
func fstab(fsUUID string) []byte {
	return fmt.Appendf(nil, "UUID=%s / ext4 noatime,errors=remount-ro,x-systemd.growfs 0 0\n", fsUUID)
}

// aptSources gives the sources.list(5) of the image: the mirrors that the cluster file names, else Debian's own, but
// never the host's.
func (r *recipe) aptSources() []byte {
	sources := archive(r.base.Debian)
	if named, err := parseMirrors(r.base.Mirrors, r.base.Debian); err == nil && len(named) > 0 {
		sources = named
	}
	var text []byte
	for _, s := range sources {
		text = fmt.Appendf(text, "%s\n", s)
	}
	return text
}
