package oci

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// Dir is where a machine's image has its container images. It is an OCI image layout
// (https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md) and at the same time what `docker save`
// writes, unpacked: containerd reads the index and docker the manifest, of the same blobs.
const Dir = "usr/lib/nodekiln/images"

const (
	layoutFile    = "oci-layout"
	layoutVersion = `{"imageLayoutVersion":"1.0.0"}`
	indexFile     = "index.json"
	// dockerFile lists images for `docker load`: https://github.com/moby/docker-image-spec/blob/v1.3.1/spec.md.
	dockerFile = "manifest.json"
	// referencesFile has the references of all images, one a line: a script compares them with what a runtime has.
	referencesFile = "references"
)

// Annotations of an image in the index.
const (
	// annotationName is the whole reference, which `ctr images import` takes for the name.
	annotationName = "io.containerd.image.name"
	// annotationRef is what the image specification has for a name: that of the tag alone in most tools.
	annotationRef    = "org.opencontainers.image.ref.name"
	annotationSource = "dev.nodekiln.source"
)

const origin = "container images"

// dockerManifest is one image in dockerFile.
type dockerManifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func blobPath(h v1.Hash) string { return path.Join("blobs", h.Algorithm, h.Hex) }

// newLayout gives the images as one directory, which holds each blob and each reference once.
func newLayout(images []image, modTime time.Time) (*tree.Tree, error) {
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	blobs := map[v1.Hash]blob{}
	byManifest := map[string]dockerManifest{}
	seen := map[string]bool{}
	for _, i := range images {
		// Several files of the user's may hold the same image.
		references := slices.DeleteFunc(slices.Clone(i.references), func(r string) bool { return seen[r] })
		if len(references) == 0 {
			continue
		}
		d := dockerManifest{Config: blobPath(i.manifest.Config.Digest)}
		for _, l := range i.manifest.Layers {
			d.Layers = append(d.Layers, blobPath(l.Digest))
		}
		key := d.Config
		d.RepoTags = byManifest[key].RepoTags
		for _, r := range references {
			seen[r] = true
			target := i.target
			target.Annotations = map[string]string{annotationName: r, annotationRef: refName(r), annotationSource: i.source}
			index.Manifests = append(index.Manifests, target)
			if !strings.Contains(r, "@") { // docker loads tags alone
				d.RepoTags = append(d.RepoTags, r)
			}
		}
		slices.Sort(d.RepoTags)
		byManifest[key] = d
		for _, b := range i.blobs {
			blobs[b.digest] = b
		}
	}
	slices.SortFunc(index.Manifests, func(a, b v1.Descriptor) int {
		return strings.Compare(a.Annotations[annotationName], b.Annotations[annotationName])
	})
	docker := []dockerManifest{}
	for _, key := range slices.Sorted(maps.Keys(byManifest)) {
		docker = append(docker, byManifest[key])
	}
	return write(index, docker, blobs, modTime)
}

// refName gives the tag of a reference, or the digest of one that has none.
func refName(reference string) string {
	if _, digest, ok := strings.Cut(reference, "@"); ok {
		return digest
	}
	return reference[strings.LastIndex(reference, ":")+1:]
}

func write(index v1.IndexManifest, docker []dockerManifest, blobs map[v1.Hash]blob, modTime time.Time) (*tree.Tree, error) {
	indexText, err := json.Marshal(index)
	if err != nil {
		return nil, err
	}
	dockerText, err := json.Marshal(docker)
	if err != nil {
		return nil, err
	}
	var references strings.Builder
	for _, m := range index.Manifests {
		references.WriteString(m.Annotations[annotationName] + "\n")
	}
	file := func(name string, content []byte) tree.Node {
		return tree.File(path.Join(Dir, name), 0o644, modTime, content, origin)
	}
	t, err := tree.New(
		file(layoutFile, []byte(layoutVersion)), file(indexFile, indexText), file(dockerFile, dockerText),
		file(referencesFile, []byte(references.String())),
	)
	if err != nil {
		return nil, err
	}
	for digest, b := range blobs {
		err := t.Add(tree.Node{
			Path: path.Join(Dir, blobPath(digest)), Mode: 0o644, ModTime: modTime, Size: b.size, Open: b.open, Origin: origin,
		})
		if err != nil {
			return nil, err
		}
	}
	return t.WithParents(modTime), nil
}

// Image is a container image that a machine's image holds.
type Image struct {
	// Reference by which it is asked for.
	Reference string `json:"reference"`
	// Digest of what the reference stands for: "sha256:...".
	Digest string `json:"digest"`
	// Source says where it came from: "made", "pulled", or the file of the user's.
	Source string `json:"source"`
}

// Read lists the images that a root filesystem holds, sorted by reference; none where it has no Dir.
func Read(root fs.FS) ([]Image, error) {
	f, err := root.Open(path.Join(Dir, indexFile))
	if isAbsent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the container images of the base: %w", err)
	}
	defer f.Close()
	index, err := v1.ParseIndexManifest(f)
	if err != nil {
		return nil, fmt.Errorf("read the container images of the base: %w", err)
	}
	var out []Image
	for _, m := range index.Manifests {
		out = append(out, Image{m.Annotations[annotationName], m.Digest.String(), m.Annotations[annotationSource]})
	}
	return out, nil
}
