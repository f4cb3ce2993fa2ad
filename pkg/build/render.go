package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nodekiln/nodekiln/pkg/base"
	"github.com/nodekiln/nodekiln/pkg/machine"
	"github.com/nodekiln/nodekiln/pkg/media"
	"github.com/nodekiln/nodekiln/pkg/payload"
	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// Names in the directory of a rendered machine: its files, and their owners and modes in the format of mtree(5), which
// a plain user could not give them.
const (
	rootfsName = "rootfs"
	mtreeName  = "rootfs.mtree"
)

// RenderOptions say how to render.
type RenderOptions struct {
	// Out is the directory below which each machine gets one of its own.
	Out string
	// CacheDir is where a base is looked for. Owners are numbers if there is one, and else names.
	CacheDir string
	// Epoch stamps all files.
	Epoch time.Time
	// Force replaces machines that are there.
	Force bool
}

// Render writes the files of each machine, and makes no image.
func Render(ctx context.Context, p *Project, o RenderOptions) error {
	bundle, err := p.Bundle(ctx)
	if err != nil {
		return err
	}
	configurer, err := machine.NewConfigurer(p.Plan, p.Profile, bundle)
	if err != nil {
		return err
	}
	root, closeRoot, err := cachedRoot(p.Plan.Base, o)
	if err != nil {
		return err
	}
	defer closeRoot()
	for _, m := range p.Plan.Machines {
		if err := ctx.Err(); err != nil {
			return err
		}
		cfg, err := configurer.Configure(m)
		if err != nil {
			return err
		}
		files, err := payload.Rootfs(cfg, root, o.Epoch)
		if err != nil {
			return fmt.Errorf("render %s: %w", m.Name, err)
		}
		if err := writeRendered(filepath.Join(o.Out, m.Name), files, o.Force); err != nil {
			return fmt.Errorf("render %s: %w", m.Name, err)
		}
	}
	return nil
}

// cachedRoot gives the root filesystem of the base if the cache has it, and else nil.
func cachedRoot(b plan.Base, o RenderOptions) (fs.FS, func() error, error) {
	nothing := func() error { return nil }
	g, err := base.Cached(b, base.Options{CacheDir: o.CacheDir, ModTime: o.Epoch})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nothing, nil
	} else if err != nil {
		return nil, nothing, err
	}
	golden, err := media.OpenGolden(g.Path)
	if err != nil {
		return nil, nothing, err
	}
	root, err := golden.Root()
	return root, golden.Close, err
}

// writeRendered writes a machine's directory, which has its name only when it is whole.
func writeRendered(dir string, files *tree.Tree, force bool) error {
	if _, err := os.Lstat(dir); err == nil && !force {
		return fmt.Errorf("%s exists and is kept; give --force to replace it", dir)
	}
	var manifest bytes.Buffer
	if err := tree.WriteManifest(&manifest, files); err != nil {
		return err
	}
	partial := filepath.Join(filepath.Dir(dir), ".partial-"+filepath.Base(dir))
	err := errors.Join(os.RemoveAll(partial), os.MkdirAll(partial, 0o700))
	if err != nil {
		return err
	}
	defer os.RemoveAll(partial)
	if err := tree.WriteDir(filepath.Join(partial, rootfsName), files); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(partial, mtreeName), manifest.Bytes(), 0o600); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(partial, dir)
}
