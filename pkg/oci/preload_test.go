package oci

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/klauspost/compress/zstd"

	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// app gives an image of the user's for a platform.
func app(t *testing.T, architecture string) v1.Image {
	t.Helper()
	i, err := random.Image(5000, 3)
	must(t, err)
	config, err := i.ConfigFile()
	must(t, err)
	config.OS, config.Architecture = "linux", architecture
	i, err = mutate.ConfigFile(i, config)
	must(t, err)
	return i
}

// dockerArchive writes an image as other programs than docker do: with compressed layers.
func dockerArchive(t *testing.T, name, tag string, i v1.Image) {
	t.Helper()
	must(t, tarball.WriteToFile(name, mustTag(t, tag), i))
}

func mustTag(t *testing.T, tag string) name.Tag {
	t.Helper()
	r, err := name.NewTag(tag)
	must(t, err)
	return r
}

// layoutArchive writes the images of a layout as a tar file.
func layoutArchive(t *testing.T, name, layout string, leave ...string) {
	t.Helper()
	f, err := os.Create(name)
	must(t, err)
	files, err := tree.FromFS(os.DirFS(layout), epoch(), "")
	must(t, err)
	for _, l := range leave {
		files.Remove(l)
	}
	must(t, errors.Join(tree.WriteTar(f, files), f.Close()))
}

// linkedArchive writes a layout as tar does where each of its files has two names: the second ones are links.
func linkedArchive(t *testing.T, name, layout string) {
	t.Helper()
	files, err := tree.FromFS(os.DirFS(layout), epoch(), "")
	must(t, err)
	for _, n := range files.Nodes() {
		if n.Mode.IsRegular() {
			first := "a/" + n.Path
			must(t, files.Add(tree.Node{Path: n.Path, HardLink: first}))
			n.Path = first
			must(t, files.Add(n))
		}
	}
	f, err := os.Create(name)
	must(t, err)
	must(t, errors.Join(tree.WriteTar(f, files), f.Close()))
}

func TestBroughtImages(t *testing.T) {
	dir := t.TempDir()
	own := bake(t, plan.Images{Source: plan.ImagesMade, Wanted: wanted()[2:3]}, options())
	layout := unpacked(t, own)
	must(t, os.Rename(layout, filepath.Join(dir, "layout")))
	layoutArchive(t, filepath.Join(dir, "oci.tar"), filepath.Join(dir, "layout"), dockerFile)
	layoutArchive(t, filepath.Join(dir, "docker.tar"), filepath.Join(dir, "layout"), layoutFile, indexFile)
	plain, err := os.ReadFile(filepath.Join(dir, "oci.tar"))
	must(t, err)
	var packed, squeezed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write(plain)
	must(t, errors.Join(err, z.Close()))
	s, err := zstd.NewWriter(&squeezed)
	must(t, err)
	_, err = s.Write(plain)
	must(t, errors.Join(err, s.Close()))
	must(t, os.WriteFile(filepath.Join(dir, "oci.tar.gz"), packed.Bytes(), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "oci.tar.zst"), squeezed.Bytes(), 0o644))
	dockerArchive(t, filepath.Join(dir, "compressed.tar"), "example.com/app:1", app(t, "amd64"))
	linkedArchive(t, filepath.Join(dir, "linked.tar"), filepath.Join(dir, "layout"))

	for _, p := range []plan.Preload{
		{Layout: "layout"},
		{Archive: "oci.tar"},
		{Archive: "docker.tar"},
		{Archive: "oci.tar.gz"},
		{Archive: "oci.tar.zst"},
		{Archive: "compressed.tar"},
		{Archive: "linked.tar"},
	} {
		o := options()
		o.Dir, o.CacheDir = dir, t.TempDir()
		names, err := Names(dir, p)
		must(t, err)
		baked := byReference(t, unpacked(t, bake(t, plan.Images{Preload: []plan.Preload{p}}, o)))
		if len(names) != 1 || len(baked) != 1 {
			t.Fatalf("%s: %v, %v", p, names, baked)
		}
		for reference, id := range names {
			got, err := baked[reference].ConfigName()
			if err != nil || got.String() != id {
				t.Errorf("%s: %s is %v instead of %s, %v", p, reference, got, id, err)
			}
		}
		if p.Archive == "compressed.tar" {
			must(t, validate.Image(baked["example.com/app:1"]))
		}
	}
}

// Two files may hold the same image beside others, and no two images of the same name.
func TestBroughtImagesThatMeet(t *testing.T) {
	dir := t.TempDir()
	archive := func(name string, w []plan.Image) {
		layoutArchive(t, filepath.Join(dir, name), unpacked(t, bake(t, plan.Images{Source: plan.ImagesMade, Wanted: w}, options())))
	}
	archive("two.tar", wanted()[1:3])
	archive("more.tar", wanted()[2:4])
	o := options()
	o.Dir, o.CacheDir = dir, t.TempDir()
	files := bake(t, plan.Images{Preload: []plan.Preload{{Archive: "two.tar"}, {Archive: "more.tar"}}}, o)
	list, err := Read(os.DirFS(strings.TrimSuffix(unpacked(t, files), Dir)))
	must(t, err)
	var names []string
	for _, i := range list {
		names = append(names, i.Reference)
	}
	if want := []string{"docker.io/tianyebj/pod-infrastructure:latest", "nodekiln.dev/busybox:1", "registry.k8s.io/coredns/coredns:v1.11.3"}; !slices.Equal(names, want) {
		t.Errorf("got %v", names)
	}
	dockerArchive(t, filepath.Join(dir, "other.tar"), "nodekiln.dev/busybox:1", app(t, "amd64"))
	_, err = Choose(t.Context(), plan.Images{Preload: []plan.Preload{{Archive: "two.tar"}, {Archive: "other.tar"}}}, o)
	if err == nil || !strings.Contains(err.Error(), "another image called nodekiln.dev/busybox:1") {
		t.Errorf("another image of the same name: %v", err)
	}
}

func TestBroughtImagesAreJudged(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, content []byte) { must(t, os.WriteFile(filepath.Join(dir, name), content, 0o644)) }
	write("text.tar", []byte(strings.Repeat("no archive ", 100)))
	var nothing bytes.Buffer
	must(t, tree.WriteTar(&nothing, &tree.Tree{}))
	write("empty.tar", nothing.Bytes())
	dockerArchive(t, filepath.Join(dir, "arm.tar"), "example.com/app:1", app(t, "arm64"))
	for name, complaint := range map[string]string{
		"text.tar": "it is no archive of images", "empty.tar": "neither the index.json", "arm.tar": "the image is for linux/arm64",
	} {
		if _, err := Names(dir, plan.Preload{Archive: name}); err == nil || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	layout := unpacked(t, bake(t, plan.Images{Source: plan.ImagesMade, Wanted: wanted()[2:3]}, options()))
	list, err := loadAll(dirContents{os.DirFS(layout)})
	must(t, err)
	damaged := filepath.Join(layout, blobPath(list[0].manifest.Layers[0].Digest))
	content, err := os.ReadFile(damaged)
	must(t, err)
	content[len(content)/2] ^= 1
	must(t, os.WriteFile(damaged, content, 0o644))
	o := options()
	o.Dir, o.CacheDir = layout, t.TempDir()
	set, err := Choose(t.Context(), plan.Images{Preload: []plan.Preload{{Layout: "."}}}, o)
	must(t, err)
	if err := set.Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "it is damaged") {
		t.Errorf("a damaged layer: %v", err)
	}
}

// registry starts Debian's, with nothing in it, and gives its HOST:PORT and what ends it.
func registry(t *testing.T) (string, func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := l.Addr().String()
	must(t, l.Close())
	return address, registryAt(t, address)
}

func registryAt(t *testing.T, address string) (end func()) {
	t.Helper()
	need(t, "docker-registry")
	config := filepath.Join(t.TempDir(), "config.yml")
	must(t, os.WriteFile(config, fmt.Appendf(nil, "version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %s}\n", t.TempDir(), address), 0o644))
	c := exec.Command("docker-registry", "serve", config)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(t, c.Start())
	ended := false
	end = func() {
		if !ended {
			ended = true
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	}
	t.Cleanup(end)
	eventually(t, "the registry answers", func() bool {
		r, err := http.Get("http://" + address + "/v2/")
		if err == nil {
			_, _ = io.Copy(io.Discard, r.Body)
			r.Body.Close()
		}
		return err == nil && r.StatusCode == http.StatusOK
	})
	return end
}

func TestPulledImages(t *testing.T) {
	address, end := registry(t)
	index := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, "application/vnd.oci.image.index.v1+json"),
		mutate.IndexAddendum{Add: app(t, "arm64"), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}},
		mutate.IndexAddendum{Add: app(t, "amd64"), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}})
	tag := mustTag(t, address+"/app:1")
	must(t, remote.WriteIndex(tag, index))
	digest, err := index.Digest()
	must(t, err)
	o, cacheDir := options(), t.TempDir()
	o.CacheDir = cacheDir
	pinned := address + "/app:1@" + digest.String()
	by := func(reference string) []Image {
		list, err := Read(os.DirFS(strings.TrimSuffix(unpacked(t, bake(t, plan.Images{Preload: []plan.Preload{{Pull: reference}}}, o)), Dir)))
		must(t, err)
		return list
	}
	want := []Image{{address + "/app:1", digest.String(), "pulled"}}
	both := append(slices.Clone(want), Image{address + "/app@" + digest.String(), digest.String(), "pulled"})
	if got := by(address + "/app:1"); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if got := by(pinned); !slices.Equal(got, both) {
		t.Errorf("got %v", got)
	}
	// A mirror has what is Docker Hub's by the hub's names. One that lacks it, or is not there, is passed over.
	must(t, remote.WriteIndex(mustTag(t, address+"/library/app:1"), index))
	without, _ := registry(t)
	o.Mirrors, o.CacheDir = []string{"http://127.0.0.1:1", "http://" + without, "http://" + address + "/"}, t.TempDir()
	if got, want := by("app:1"), (Image{"docker.io/library/app:1", digest.String(), "pulled"}); !slices.Equal(got, []Image{want}) {
		t.Errorf("by a mirror: %v", got)
	}
	o.Mirrors, o.CacheDir = nil, cacheDir
	// What a disk has lost of the cache is pulled anew, though it has its size.
	kept, err := filepath.Glob(filepath.Join(o.CacheDir, "image", "blobs", "sha256", "*"))
	must(t, err)
	for _, name := range kept {
		content, err := os.ReadFile(name)
		must(t, err)
		content[len(content)/2] ^= 1
		must(t, os.WriteFile(name, content, 0o644))
	}
	if got := by(address + "/app:1"); len(kept) != 6 || !slices.Equal(got, want) {
		t.Errorf("from %d damaged blobs: %v", len(kept), got)
	}
	// What was pulled is baked again without the registry, a tag as what it was.
	end()
	if got := by(address + "/app:1"); !slices.Equal(got, want) {
		t.Errorf("without the registry: %v", got)
	}
	if _, err := Choose(t.Context(), plan.Images{Preload: []plan.Preload{{Pull: address + "/other:1"}}}, o); err == nil {
		t.Error("an image that nobody has seen is taken from a registry that is gone")
	}
	// A registry that answers is believed: it has the tag no more.
	registryAt(t, address)
	if _, err := Choose(t.Context(), plan.Images{Preload: []plan.Preload{{Pull: address + "/app:1"}}}, o); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a tag that was removed: %v", err)
	}
}

func TestKeptBlobIsTheOneThatWasAskedFor(t *testing.T) {
	content := []byte("a layer")
	digest, size, err := v1.SHA256(bytes.NewReader(content))
	must(t, err)
	c := cache{t.TempDir()}
	for complaint, sent := range map[string]string{"the digest sha256:": "a Layer", "more was received than its 7 bytes": "a layer and more"} {
		if err := c.keep(t.Context(), digest, size, strings.NewReader(sent)); err == nil || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%s: got %v", sent, err)
		}
	}
	d := v1.Descriptor{Digest: digest, Size: size}
	if files, err := filepath.Glob(filepath.Join(c.dir, filepath.Dir(blobPath(digest)), "*")); c.has(t.Context(), d) || len(files) > 0 || err != nil {
		t.Errorf("kept: %v, %v", files, err)
	}
	must(t, c.keep(t.Context(), digest, size, bytes.NewReader(content)))
	if !c.has(t.Context(), d) {
		t.Error("it is not there")
	}
}

func TestLeftoversOfKilledPulls(t *testing.T) {
	c := cache{t.TempDir()}
	part := func(name, content string) string {
		must(t, os.WriteFile(filepath.Join(c.dir, name), []byte(content), 0o644))
		return filepath.Join(c.dir, name)
	}
	killed, running, starting, other := part(".part-1", "x"), part(".part-2", "x"), part(".part-3", ""), part("part", "x")
	f, err := os.Open(running)
	must(t, err)
	defer f.Close()
	must(t, lockFile(f))
	must(t, c.write("whole", func(w io.Writer) error {
		// Another process writes at the same time.
		must(t, c.write("another", func(io.Writer) error { return nil }))
		_, err := io.WriteString(w, "content")
		must(t, err)
		return c.write("third", func(io.Writer) error { return nil })
	}))
	for name, want := range map[string]bool{
		killed: false, running: true, starting: true, other: true, filepath.Join(c.dir, "whole"): true, filepath.Join(c.dir, "third"): true,
	} {
		if _, err := os.Stat(name); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", name, err == nil, want)
		}
	}
}
