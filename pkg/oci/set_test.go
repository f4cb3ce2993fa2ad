package oci

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	tagged "github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

func epoch() time.Time { return time.Unix(1700000000, 0).UTC() }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// root gives what images take from a base.
func root(t *testing.T) *tree.Tree {
	t.Helper()
	made, err := tree.New(
		tree.Symlink("bin", "usr/bin", epoch(), "debian"),
		tree.File("usr/bin/busybox", 0o755, epoch(), []byte("all applets"), "debian"),
		tree.File("etc/ssl/certs/ca-certificates.crt", 0o644, epoch(), []byte("certificates"), "debian"),
	)
	must(t, err)
	return made
}

// programs are those of a component.
type programs struct{ digest, content string }

func (p programs) Digest() string { return p.digest }

func (p programs) Tree(context.Context) (*tree.Tree, error) {
	return tree.New(tree.File("usr/bin/coredns", 0o755, epoch(), []byte(p.content), "coredns"))
}

func wanted() []plan.Image {
	return []plan.Image{
		{Name: "pause", Reference: "registry.k8s.io/pause:3.9"},
		{Name: "pod-infrastructure", Reference: "tianyebj/pod-infrastructure"},
		{Name: "busybox", Reference: "nodekiln.dev/busybox:1"},
		{Name: "coredns", Reference: "registry.k8s.io/coredns/coredns:v1.11.3"},
	}
}

func options() Options {
	return Options{ModTime: epoch(), Programs: func(string) Programs { return programs{"digest", "a server"} }}
}

// bake gives the images as files of a machine.
func bake(t *testing.T, p plan.Images, o Options) *tree.Tree {
	t.Helper()
	s, err := Choose(t.Context(), p, o)
	must(t, err)
	must(t, s.Prepare(t.Context()))
	files, err := s.Tree(root(t))
	must(t, err)
	return files
}

// unpacked writes the images to a directory, and gives that of the layout.
func unpacked(t *testing.T, files *tree.Tree) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	must(t, tree.WriteDir(dir, files))
	return filepath.Join(dir, Dir)
}

// byReference gives the images of a layout.
func byReference(t *testing.T, dir string) map[string]v1.Image {
	t.Helper()
	index, err := layout.ImageIndexFromPath(dir)
	must(t, err)
	manifest, err := index.IndexManifest()
	must(t, err)
	out := map[string]v1.Image{}
	for _, m := range manifest.Manifests {
		i, err := index.Image(m.Digest)
		must(t, err)
		out[m.Annotations["io.containerd.image.name"]] = i
	}
	return out
}

func TestMadeImagesAreValid(t *testing.T) {
	dir := unpacked(t, bake(t, plan.Images{Source: plan.ImagesAuto, Wanted: wanted()}, options()))
	index, err := layout.ImageIndexFromPath(dir)
	must(t, err)
	// The library's validator takes every layer for a compressed one where it is not told to leave them out.
	must(t, validate.Index(index, validate.Fast))
	images := byReference(t, dir)
	for _, i := range images {
		checkLayers(t, i)
	}
	if len(images) != 4 {
		t.Fatalf("got %v", images)
	}
	for reference, entrypoint := range map[string]string{
		"registry.k8s.io/pause:3.9": "/pause", "docker.io/tianyebj/pod-infrastructure:latest": "/pause",
		"registry.k8s.io/coredns/coredns:v1.11.3": "/coredns",
	} {
		config, err := images[reference].ConfigFile()
		must(t, err)
		if config.OS != "linux" || config.Architecture != "amd64" || !slices.Equal(config.Config.Entrypoint, []string{entrypoint}) {
			t.Errorf("%s: %+v", reference, config)
		}
	}
	for reference, files := range map[string]string{
		"registry.k8s.io/pause:3.9":               "pause 0755",
		"registry.k8s.io/coredns/coredns:v1.11.3": "coredns 0755, etc/ssl/certs/ca-certificates.crt 0644",
		"nodekiln.dev/busybox:1": "bin/busybox 0755, bin/nslookup -> busybox, bin/sh -> busybox, bin/wget -> busybox, etc/passwd 0644, " +
			"etc/ssl/certs/ca-certificates.crt 0644, root 0700, tmp 1777",
	} {
		got := listing(t, images[reference])
		for want := range strings.SplitSeq(files, ", ") {
			if !slices.Contains(got, want) {
				t.Errorf("%s: no %s among %d files", reference, want, len(got))
			}
		}
	}
}

// checkLayers compares the layers of an image with their digests, which the configuration has too: they are not compressed.
func checkLayers(t *testing.T, i v1.Image) {
	t.Helper()
	layers, err := i.Layers()
	must(t, err)
	config, err := i.ConfigFile()
	must(t, err)
	if len(layers) == 0 || len(layers) != len(config.RootFS.DiffIDs) || len(layers) != len(config.History) {
		t.Fatalf("%d layers, and a configuration of %d with a history of %d", len(layers), len(config.RootFS.DiffIDs), len(config.History))
	}
	for at, l := range layers {
		want, err := l.Digest()
		must(t, err)
		r, err := l.Compressed()
		must(t, err)
		got, _, err := v1.SHA256(r)
		must(t, errors.Join(err, r.Close()))
		if got != want || got != config.RootFS.DiffIDs[at] {
			t.Errorf("layer %d has the digest %v, called %v and %v", at, got, want, config.RootFS.DiffIDs[at])
		}
	}
}

// listing lists the files of an image.
func listing(t *testing.T, i v1.Image) []string {
	t.Helper()
	r := mutate.Extract(i)
	defer r.Close()
	var out []string
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		must(t, err)
		switch h.Typeflag {
		case tar.TypeSymlink:
			out = append(out, h.Name+" -> "+h.Linkname)
		default:
			out = append(out, h.Name+" "+octal(h.Mode))
		}
		if h.Uid != 0 || h.Gid != 0 || !h.ModTime.Equal(epoch()) {
			t.Errorf("%s: %d:%d, %v", h.Name, h.Uid, h.Gid, h.ModTime)
		}
	}
}

func octal(mode int64) string {
	return fmt.Sprintf("%04o", mode)
}

// What docker is given is a file of `docker save`, of the same blobs.
func TestLayoutIsADockerArchive(t *testing.T) {
	files := bake(t, plan.Images{Source: plan.ImagesMade, Wanted: wanted()}, options())
	dir := unpacked(t, files)
	images := &tree.Tree{}
	for _, n := range files.Nodes() {
		if below, ok := strings.CutPrefix(n.Path, Dir+"/"); ok {
			n.Path = below
			must(t, images.Add(n))
		}
	}
	name := filepath.Join(t.TempDir(), "images.tar")
	f, err := os.Create(name)
	must(t, err)
	must(t, errors.Join(tree.WriteTar(f, images), f.Close()))
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(name) })
	must(t, err)
	if len(manifest) != 3 { // pause has two names
		t.Errorf("got %+v", manifest)
	}
	for _, m := range manifest {
		for _, tag := range m.RepoTags {
			ref, err := tagged.NewTag(tag)
			must(t, err)
			i, err := tarball.ImageFromPath(name, &ref)
			must(t, err)
			must(t, validate.Image(i))
			want, err := byReference(t, dir)[tag].ConfigName()
			must(t, err)
			if got, err := i.ConfigName(); err != nil || got != want {
				t.Errorf("%s: %v instead of %v, %v", tag, got, want, err)
			}
		}
	}
}

func TestReferencesAndRead(t *testing.T) {
	files := bake(t, plan.Images{Source: plan.ImagesAuto, Wanted: wanted()}, options())
	dir := unpacked(t, files)
	text, err := os.ReadFile(filepath.Join(dir, "references"))
	must(t, err)
	want := "docker.io/tianyebj/pod-infrastructure:latest\nnodekiln.dev/busybox:1\nregistry.k8s.io/coredns/coredns:v1.11.3\nregistry.k8s.io/pause:3.9\n"
	if string(text) != want {
		t.Errorf("got %s", text)
	}
	list, err := Read(os.DirFS(strings.TrimSuffix(dir, Dir)))
	must(t, err)
	if len(list) != 4 || list[1].Reference != "nodekiln.dev/busybox:1" || list[1].Source != "made" || list[0].Digest != list[3].Digest {
		t.Errorf("got %+v", list)
	}
	if none, err := Read(fstest.MapFS{}); none != nil || err != nil {
		t.Errorf("without images: %v, %v", none, err)
	}
	if _, err := Read(fstest.MapFS{Dir + "/index.json": {Data: []byte("{")}}); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a broken index: %v", err)
	}
}

// The digest follows what the images are made of, and two bakings give the same.
func TestDigest(t *testing.T) {
	digest := func(change func(*plan.Images, *Options)) string {
		p, o := plan.Images{Source: plan.ImagesAuto, Wanted: wanted()}, options()
		change(&p, &o)
		s, err := Choose(t.Context(), p, o)
		must(t, err)
		return s.Digest()
	}
	first := digest(func(*plan.Images, *Options) {})
	for name, change := range map[string]func(*plan.Images, *Options){
		"reference": func(p *plan.Images, _ *Options) { p.Wanted[0].Reference = "registry.k8s.io/pause:3.10" },
		"image":     func(p *plan.Images, _ *Options) { p.Wanted = p.Wanted[1:] },
		"component": func(_ *plan.Images, o *Options) {
			o.Programs = func(string) Programs { return programs{"other", "a server"} }
		},
		"source": func(p *plan.Images, _ *Options) { p.Source = plan.ImagesNone },
	} {
		if digest(change) == first {
			t.Errorf("another %s gives the same digest", name)
		}
	}
	if none := digest(func(p *plan.Images, _ *Options) { p.Source = plan.ImagesNone }); none != "" {
		t.Errorf("no images have the digest %q", none)
	}
	p := plan.Images{Source: plan.ImagesAuto, Wanted: wanted()}
	var one, two strings.Builder
	must(t, tree.WriteManifest(&one, bake(t, p, options())))
	must(t, tree.WriteManifest(&two, bake(t, p, options())))
	if one.String() != two.String() || !strings.Contains(one.String(), "sha256digest") {
		t.Errorf("two bakings differ:\n%s\n%s", one.String(), two.String())
	}
}

func TestChooseRefuses(t *testing.T) {
	o := options()
	o.Programs = func(string) Programs { return programs{} }
	_, err := Choose(t.Context(), plan.Images{Source: plan.ImagesMade, Wanted: append(wanted(), plan.Image{Name: "nginx", Reference: "nginx"}, plan.Image{Name: "pause", Reference: "A b"})}, o)
	for _, complaint := range []string{"no recipe for the image nginx", "component coredns, which the cluster does not have", `"A b" is no reference`} {
		if err == nil || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%s: got %v", complaint, err)
		}
	}
}
