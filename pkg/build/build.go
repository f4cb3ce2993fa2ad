package build

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nodekiln/nodekiln/pkg/base"
	"github.com/nodekiln/nodekiln/pkg/component"
	"github.com/nodekiln/nodekiln/pkg/machine"
	"github.com/nodekiln/nodekiln/pkg/media"
	"github.com/nodekiln/nodekiln/pkg/oci"
	"github.com/nodekiln/nodekiln/pkg/payload"
	"github.com/nodekiln/nodekiln/pkg/pki"
	"github.com/nodekiln/nodekiln/pkg/plan"
)

// Standalone is the form of images that need no other file; "" is for overlays on the golden image.
type Standalone string

// The forms of images.
const (
	Overlays        Standalone = ""
	StandaloneRaw   Standalone = "raw"
	StandaloneQcow2 Standalone = "qcow2"
)

// Valid tells whether there is such a form.
func (s Standalone) Valid() bool {
	return s == Overlays || s == StandaloneRaw || s == StandaloneQcow2
}

// Options say how to build.
type Options struct {
	// Out is the directory below which a directory of the cluster's name gets the results.
	Out string
	// CacheDir keeps bases.
	CacheDir string
	// Epoch stamps all files.
	Epoch time.Time
	// Version of nodekiln, for the manifest.
	Version string
	// Force replaces images that differ from what is built.
	Force      bool
	Standalone Standalone
	// Progress of the base, and Components of the programs that are laid over it; nil for nobody.
	Progress   base.Progress
	Components component.Progress
	// Images hears of the getting of container images; nil for nobody.
	Images oci.Progress
}

// Result is what a build has made.
type Result struct {
	// Dir holds the images and the manifest.
	Dir      string
	Manifest *Manifest
	// Left are the names of images in Dir that the manifest does not have, sorted: mostly of machines that were removed
	// from the cluster file. They hold these machines' keys.
	Left []string
	// Lacking are programs that the machines are to have from packages, and that no package has brought.
	Lacking []string
}

// Build bakes the image of each machine.
func Build(ctx context.Context, p *Project, o Options) (_ *Result, err error) {
	bundle, err := p.Bundle(ctx)
	if err != nil {
		return nil, err
	}
	configurer, err := machine.NewConfigurer(p.Plan, p.Profile, bundle)
	if err != nil {
		return nil, err
	}
	// Where nothing can be written is told before the minutes that programs and the base may take.
	dir := filepath.Join(o.Out, p.Plan.Cluster)
	out, err := newStaging(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	programs, err := p.programs(ctx, component.Options{CacheDir: o.CacheDir, Progress: o.Components, ModTime: o.Epoch})
	if err != nil {
		return nil, err
	}
	images, err := p.images(ctx, programs, oci.Options{CacheDir: o.CacheDir, Progress: o.Images, ModTime: o.Epoch})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, images.Close()) }()
	golden, err := ensureBase(ctx, p.Plan, base.Options{CacheDir: o.CacheDir, Programs: programs.OnMachines(), Images: images, Progress: o.Progress, ModTime: o.Epoch})
	if err != nil {
		return nil, err
	}
	b := baker{project: p, options: o, bundle: bundle, configurer: configurer, out: out}
	if b.manifest, err = b.bakeAll(ctx, golden); err != nil {
		return nil, err
	}
	if err := b.describe(); err != nil {
		return nil, err
	}
	if err := out.commit(o.Force); err != nil {
		return nil, err
	}
	left, err := out.tidy(b.manifest)
	if err != nil {
		return nil, err
	}
	return &Result{Dir: dir, Manifest: b.manifest, Left: left, Lacking: b.lacking}, nil
}

// baker is one build under way.
type baker struct {
	project    *Project
	options    Options
	bundle     *pki.Bundle
	configurer *machine.Configurer
	out        *staging
	manifest   *Manifest
	lacking    []string
}

// bakeAll makes the images of all machines, as many at once as there are processors.
func (b *baker) bakeAll(ctx context.Context, g base.Golden) (*Manifest, error) {
	p := b.project.Plan
	man := &Manifest{
		Nodekiln: b.options.Version, Cluster: p.Cluster, Profile: p.Profile,
		Base:     ImageFile{File: goldenName(g), Format: "qcow2", SHA256: g.Digest},
		Machines: make([]MachineImage, len(p.Machines)),
	}
	golden, err := media.OpenGolden(g.Path)
	if err != nil {
		return nil, fmt.Errorf("open the base: %w", err)
	}
	defer golden.Close()
	root, err := golden.Root()
	if err != nil {
		return nil, fmt.Errorf("open the base: %w", err)
	}
	if man.Images, err = oci.Read(root); err != nil {
		return nil, err
	}
	b.lacking = component.Lacking(root, p.Base.Components)
	if b.options.Standalone == Overlays {
		if err := b.copyGolden(g); err != nil {
			return nil, err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, m := range p.Machines {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			image, err := b.bake(ctx, golden, man.Base.File, m)
			if err != nil {
				return fmt.Errorf("bake %s: %w", m.Name, redact(err, b.bundle, p))
			}
			man.Machines[i] = image
			return nil
		})
	}
	return man, group.Wait()
}

// goldenName is the name of the base among the images: its content's, so that an overlay never meets another base.
func goldenName(g base.Golden) string { return "golden-" + g.Digest[:12] + ".qcow2" }

// copyGolden puts the base beside the overlays, unless it is there. Each machine is as sound as this file, so that its
// content is looked at, and not only its size.
func (b *baker) copyGolden(g base.Golden) error {
	name := goldenName(g)
	info, err := os.Stat(filepath.Join(b.out.dir, name))
	if err == nil && info.Size() == g.Size {
		sum, err := hashFile(filepath.Join(b.out.dir, name))
		if err != nil || hex.EncodeToString(sum) == g.Digest {
			return err
		}
	}
	// Overlays would be worth nothing if somebody wrote to what they are laid over: it is read-only.
	if err := b.out.copy(name, g.Path, 0o444); err != nil {
		return err
	}
	sum, err := hashFile(b.out.path(name))
	if err != nil {
		return err
	}
	if hex.EncodeToString(sum) != g.Digest {
		return fmt.Errorf("%s is damaged: remove it, and the next build makes it anew", g.Path)
	}
	return b.out.image(name)
}

// bake makes the image of one machine.
func (b *baker) bake(ctx context.Context, golden *media.Golden, backing string, m plan.Machine) (MachineImage, error) {
	cfg, err := b.configurer.Configure(m)
	if err != nil {
		return MachineImage{}, err
	}
	base, err := golden.Root()
	if err != nil {
		return MachineImage{}, err
	}
	root, err := payload.Rootfs(cfg, base, b.options.Epoch)
	if err != nil {
		return MachineImage{}, err
	}
	disk, err := media.Bake(golden, media.MachineDisk{
		Root: root, Size: m.Disk,
		DiskGUID:     b.bundle.DeriveUUID("disk", m.Name),
		RootPartGUID: b.bundle.DeriveUUID("root partition", m.Name),
	})
	if err != nil {
		return MachineImage{}, err
	}
	image := MachineImage{
		Name: m.Name, Disk: m.Disk, Memory: m.Memory, CPUs: m.CPUs, Address: m.Address.String(), MAC: m.MAC, Roles: m.Roles, Ports: m.Ports,
		ImageFile: ImageFile{Format: "qcow2"},
	}
	var written media.Written
	switch b.options.Standalone {
	case Overlays:
		image.File, image.Backing = m.Name+".qcow2", backing
		written, err = disk.WriteOverlay(b.out.path(image.File), backing)
	case StandaloneRaw:
		image.File, image.Format = m.Name+".raw", "raw"
		written, err = disk.WriteStandalone(ctx, b.out.path(image.File), media.Raw, media.NoCompression)
	default:
		image.File = m.Name + ".qcow2"
		written, err = disk.WriteStandalone(ctx, b.out.path(image.File), media.Qcow2, media.Zstd)
	}
	if err != nil {
		return MachineImage{}, err
	}
	image.SHA256 = written.Digest
	return image, b.out.image(image.File)
}

// describe writes what goes with the images: the manifest, the checksums, the machines' SSH host keys, and what the
// operator reaches the cluster by.
func (b *baker) describe() error {
	manifest, err := b.manifest.encode()
	if err != nil {
		return err
	}
	known, err := b.knownHosts()
	if err != nil {
		return err
	}
	admin, err := b.project.adminKubeconfig(b.bundle)
	if err != nil {
		return err
	}
	if admin != nil {
		if err := b.out.write(KubeconfigName, admin, 0o600); err != nil {
			return err
		}
	}
	return errors.Join(
		b.out.write(KnownHostsName, known, 0o644),
		b.out.write(checksumsName, b.checksums(), 0o644),
		b.out.write(manifestName, manifest, 0o644),
	)
}

// checksums gives the digests of all images in the format of sha256sum(1).
func (b *baker) checksums() []byte {
	var lines strings.Builder
	if b.options.Standalone == Overlays {
		fmt.Fprintf(&lines, "%s  %s\n", b.manifest.Base.SHA256, b.manifest.Base.File)
	}
	for _, m := range b.manifest.Machines {
		fmt.Fprintf(&lines, "%s  %s\n", m.SHA256, m.File)
	}
	return []byte(lines.String())
}

// knownHosts gives the machines' SSH host keys by all the names that they have.
func (b *baker) knownHosts() ([]byte, error) {
	var hosts []pki.Host
	p := b.project.Plan
	for _, m := range p.Machines {
		names := []string{m.Name, m.Address.String()}
		if p.Network.Domain != "" {
			names = append(names, m.Name+"."+p.Network.Domain)
		}
		hosts = append(hosts, pki.Host{Machine: m.Name, Names: names})
	}
	return b.bundle.KnownHosts(hosts)
}
