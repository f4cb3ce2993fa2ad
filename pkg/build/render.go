package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/nodekiln/nodekiln/pkg/base"
	"github.com/nodekiln/nodekiln/pkg/component"
	"github.com/nodekiln/nodekiln/pkg/machine"
	"github.com/nodekiln/nodekiln/pkg/media"
	"github.com/nodekiln/nodekiln/pkg/oci"
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
	// Force replaces machines that are there, and the kubeconfig of another cluster.
	Force bool
}

// Render writes each machine's payloads, and makes no image. It gives the names of the directories below Out that machines
// were rendered into which the cluster file does not have, sorted: mostly those that were removed from it. They hold these
// machines' keys.
func Render(ctx context.Context, p *Project, o RenderOptions) (left []string, err error) {
	bundle, err := p.Bundle(ctx)
	if err != nil {
		return nil, err
	}
	configurer, err := machine.NewConfigurer(p.Plan, p.Profile, bundle)
	if err != nil {
		return nil, err
	}
	openRoot, closeRoot, err := cachedRoot(ctx, p, o)
	if err != nil {
		return nil, err
	}
	defer closeRoot()
	out, err := newStaging(o.Out)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	admin, err := p.adminKubeconfig(bundle)
	if err != nil {
		return nil, err
	}
	if err := out.checkRendered(p.Plan.Machines, admin, o.Force); err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	roots := make(chan fs.FS, runtime.GOMAXPROCS(0))
	for _, m := range p.Plan.Machines {
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			// Directories that one machine has looked up are known to the next that has the same root.
			var root fs.FS
			var err error
			select {
			case root = <-roots:
			default:
				if root, err = openRoot(); err != nil {
					return err
				}
			}
			defer func() { roots <- root }()
			if err := renderMachine(out.path(m.Name), configurer, p.Plan, m, root, o.Epoch); err != nil {
				return fmt.Errorf("render %s: %w", m.Name, redact(err, bundle, p.Plan))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := publishRendered(out, p.Plan.Machines, admin); err != nil {
		return nil, err
	}
	return out.leftRendered(p.Plan.Machines)
}

// checkRendered refuses to replace what is there, but with force what an earlier rendering has written. A directory that
// has a machine's name and something else in it is somebody's.
func (s *staging) checkRendered(machines []plan.Machine, admin []byte, force bool) error {
	for _, m := range machines {
		dir := filepath.Join(s.dir, m.Name)
		switch _, err := os.Lstat(dir); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case !s.rendered(m.Name):
			return fmt.Errorf("%s exists, is not what render has written, and is kept; remove it or give another --out", dir)
		case !force:
			return fmt.Errorf("%s exists and is kept; give --force to replace it", dir)
		}
	}
	name := filepath.Join(s.dir, KubeconfigName)
	there, err := os.ReadFile(name)
	switch {
	case admin == nil || force || errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !bytes.Equal(there, admin):
		return fmt.Errorf("%s exists, is another than this cluster's, and is kept; give --force to replace it, or another --out", name)
	}
	return nil
}

// rendered tells whether a directory below that of the results is a rendered machine's. One that can not be looked into
// is somebody else's.
func (s *staging) rendered(name string) bool {
	_, err := os.Lstat(filepath.Join(s.dir, name, mtreeName))
	return err == nil
}

// renderMachine writes the directory of one machine; root is the base's file system, nil where there is none.
func renderMachine(dir string, c *machine.Configurer, p *plan.Plan, m plan.Machine, root fs.FS, epoch time.Time) error {
	cfg, err := c.Configure(m)
	if err != nil {
		return err
	}
	files, err := payload.Rootfs(cfg, root, epoch)
	if err != nil {
		return err
	}
	if err := writeRendered(dir, files, epoch); err != nil {
		return err
	}
	return writePayloads(dir, cfg, host(p, m), target(p))
}

// publishRendered gives the machines' directories and the operator's kubeconfig, if there is one, their names, once they
// are all on the disk. What a directory replaces is removed with the staging, and not before the new one is in its place.
func publishRendered(out *staging, machines []plan.Machine, admin []byte) error {
	if admin != nil {
		if err := out.write(KubeconfigName, admin, 0o600); err != nil {
			return err
		}
	}
	if err := unix.Syncfs(int(out.lock.Fd())); err != nil {
		return fmt.Errorf("sync %s: %w", out.dir, err)
	}
	for _, m := range machines {
		dir := filepath.Join(out.dir, m.Name)
		if err := os.Rename(dir, out.path(m.Name+".replaced")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("render %s: %w", m.Name, err)
		}
		if err := os.Rename(out.path(m.Name), dir); err != nil {
			return fmt.Errorf("render %s: %w", m.Name, err)
		}
	}
	if admin != nil {
		if err := os.Rename(out.path(KubeconfigName), filepath.Join(out.dir, KubeconfigName)); err != nil {
			return err
		}
	}
	return out.lock.Sync()
}

// cachedRoot gives what opens the root filesystem of the base, once for each goroutine, if the cache has the base, and
// else what gives nil.
func cachedRoot(ctx context.Context, p *Project, o RenderOptions) (open func() (fs.FS, error), closeRoot func() error, err error) {
	noRoot, nothing := func() (fs.FS, error) { return nil, nil }, func() error { return nil }
	programs, err := p.programs(ctx, component.Options{CacheDir: o.CacheDir, ModTime: o.Epoch})
	if err != nil {
		// Without them there is no base, which nothing that is rendered has to have.
		return noRoot, nothing, nil
	}
	images, err := p.images(ctx, programs, oci.Options{CacheDir: o.CacheDir, ModTime: o.Epoch, Offline: true})
	if err != nil {
		return noRoot, nothing, nil
	}
	defer func() { err = errors.Join(err, images.Close()) }()
	g, err := base.Cached(p.Plan.Base, base.Options{CacheDir: o.CacheDir, Programs: programs.OnMachines(), Images: images, ModTime: o.Epoch})
	if errors.Is(err, fs.ErrNotExist) {
		return noRoot, nothing, nil
	} else if err != nil {
		return nil, nil, err
	}
	golden, err := media.OpenGolden(g.Path)
	if err != nil {
		return nil, nil, err
	}
	return golden.Root, golden.Close, nil
}

// writeRendered writes a machine's directory.
func writeRendered(dir string, files *tree.Tree, modTime time.Time) error {
	var manifest bytes.Buffer
	if err := tree.WriteManifest(&manifest, files); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	// The directories that the base has are not among the machine's files, but are needed here to hold these.
	if err := tree.WriteDir(filepath.Join(dir, rootfsName), files.WithParents(modTime)); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, mtreeName), manifest.Bytes(), 0o600)
}
