// Package base makes the golden image that all machines of a cluster start from: a Debian root filesystem, bootstrapped
// by mmdebstrap(1) and stripped of everything that belongs to the machine it was built on, with nodekiln's overlays, an
// initrd of its own and a boot loader's configuration, on a disk that boots under BIOS and UEFI.
//
//	plan.Base ──▶ recipe ──▶ bootstrap ──▶ normalise ──▶ programs, overlays, images ──▶ initrd, grub.cfg ──▶ media.WriteGolden
//	              (digest)   (a tar)       (tree.Tree)
//
// A base is built once for each recipe and kept in a cache directory, which any number of processes share.
package base

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nodekiln/nodekiln/pkg/media"
	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// Options say where and for whom a base is built.
type Options struct {
	// CacheDir holds the finished bases, one directory below "base" for each recipe. It is made if it is missing.
	CacheDir string
	// Progress hears how far a build is; nil for nobody.
	Progress Progress
	// Programs are laid over the packages; nil for none.
	Programs Programs
	// Images are the container images that are laid over all else; nil for none.
	Images Images
	// ModTime is the time that newer files are set back to, which makes builds of the same packages equal. It is
	// required, and 1980 or later.
	ModTime time.Time
}

// Programs are what a base has beside its packages.
type Programs interface {
	// Digest is that of all that decides what they are; "" for none.
	Digest() string
	// Tree gives them, and makes them if need be.
	Tree(ctx context.Context) (*tree.Tree, error)
}

// Images are the container images that a base has. They may be made of what else it has.
type Images interface {
	// Digest is that of all that decides what they are, beside the base; "" for none.
	Digest() string
	// Prepare gets what takes long or may fail.
	Prepare(ctx context.Context) error
	// Tree gives them as files, for a base with that root filesystem.
	Tree(root *tree.Tree) (*tree.Tree, error)
}

// Golden is a finished base image in the cache.
type Golden struct {
	// Path of the qcow2 file.
	Path string
	// Recipe is the digest of all that the base was asked to be, in hexadecimal.
	Recipe string
	Info
}

// Info is what is known of a base image; golden.json beside it holds it.
type Info struct {
	// Digest is the SHA-256 of the qcow2 file, in hexadecimal, and Size its length in bytes.
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
	// Release is Debian's name of the release, Kernel the version that uname(1) shows.
	Release string `json:"release"`
	Kernel  string `json:"kernel"`
	// RootUUID is the UUID of the root filesystem.
	RootUUID string `json:"rootUUID"`
	// Layout tells where the partitions are.
	Layout media.Layout `json:"layout"`
	// Packages that are installed, sorted by name.
	Packages []Package `json:"packages"`
	// Verified is the modification time of the file, in nanoseconds since 1970, when its digest was last compared.
	Verified int64 `json:"verified"`
}

// Package is an installed package.
type Package struct {
	Name         string `json:"name"`
	Version      string `json:"version"`
	Architecture string `json:"architecture"`
}

// Ensure gives the golden image of the base and builds it first if the cache does not hold it. While another process
// builds the same base, it waits for that. A cancelled or failed build leaves nothing that looks like an image.
func Ensure(ctx context.Context, b plan.Base, opts Options) (Golden, error) {
	if opts.Progress == nil {
		opts.Progress = silent{}
	}
	r, entry, err := find(b, opts)
	if err != nil {
		return Golden{}, err
	}
	// The plain look keeps the lock file away from the common case, in which the cache may well be read-only.
	if g, err := entry.load(); err == nil {
		return g, nil
	}
	if err := os.MkdirAll(entry.dir, 0o755); err != nil {
		return Golden{}, fmt.Errorf("make the cache of bases: %w", err)
	}
	unlock, err := entry.lock(ctx, opts.Progress)
	if err != nil {
		return Golden{}, err
	}
	defer unlock()
	g, err := entry.load()
	if err == nil {
		return g, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		opts.Progress.Stage(fmt.Sprintf("building the base again: %v", err), 0)
	}
	if err := entry.clear(); err != nil {
		return Golden{}, err
	}
	build := build{recipe: r, entry: entry, progress: opts.Progress, programs: opts.Programs, images: opts.Images}
	info, err := build.run(ctx)
	if err != nil {
		return Golden{}, fmt.Errorf("build base %s: %w", b.Debian, err)
	}
	return entry.keep(info)
}

// Cached gives the golden image of the base if the cache holds it; the error wraps os.ErrNotExist if it does not.
func Cached(b plan.Base, opts Options) (Golden, error) {
	_, entry, err := find(b, opts)
	if err != nil {
		return Golden{}, err
	}
	return entry.load()
}

// find gives the recipe of the base and its place in the cache.
func find(b plan.Base, opts Options) (*recipe, entry, error) {
	cacheDir, err := filepath.Abs(opts.CacheDir)
	if err != nil {
		return nil, entry{}, fmt.Errorf("find the cache directory: %w", err)
	}
	var with contents
	if opts.Programs != nil {
		with.programs = opts.Programs.Digest()
	}
	if opts.Images != nil {
		with.images = opts.Images.Digest()
	}
	r, err := newRecipe(b, with, opts.ModTime)
	if err != nil {
		return nil, entry{}, err
	}
	return r, entry{dir: filepath.Join(cacheDir, "base", r.digest), recipe: r.digest}, nil
}
