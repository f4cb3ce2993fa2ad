package oci

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// What the machines are: the platform of the images that they run.
const (
	platformOS   = "linux"
	platformArch = "amd64"
)

// blob is content that is known by its digest.
type blob struct {
	digest v1.Hash
	size   int64
	open   func() (io.ReadCloser, error)
}

func (b blob) descriptor(t types.MediaType) v1.Descriptor {
	return v1.Descriptor{MediaType: t, Size: b.size, Digest: b.digest}
}

// image is a container image.
type image struct {
	// references are what it is called, whole and canonical.
	references []string
	// target is what these stand for: the manifest of the image, or an index that has it.
	target v1.Descriptor
	// manifest is that for the machines' platform.
	manifest v1.Manifest
	// blobs are the target and all that hangs on it, as far as it is for the machines' platform.
	blobs []blob
	// source says where it comes from, for people: "made".
	source string
}

// canonical gives a reference as containerd and docker keep it: with a registry, and a tag or a digest.
func canonical(reference string) (string, error) {
	r, err := name.ParseReference(reference)
	if err != nil {
		return "", fmt.Errorf("%q is no reference of an image, as in registry.example.com/app:1", reference)
	}
	// The library calls Docker's registry by the name of its server.
	full := r.Name()
	if rest, ok := strings.CutPrefix(full, name.DefaultRegistry+"/"); ok {
		full = "docker.io/" + rest
	}
	return full, nil
}

// bytesBlob gives a blob that is held in memory.
func bytesBlob(b []byte) blob {
	digest, size, _ := v1.SHA256(bytes.NewReader(b)) // a reader of bytes does not fail
	return blob{digest, size, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
}

func jsonBlob(v any) (blob, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return blob{}, err
	}
	return bytesBlob(b), nil
}

// layerBlob gives the tree as an uncompressed layer, which is written anew each time that it is read: an import into a
// machine's runtime takes longer where it has to decompress, and the machine's image is compressed as a whole.
func layerBlob(t *tree.Tree) (blob, error) {
	open := func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() { w.CloseWithError(tree.WriteTar(w, t)) }()
		return r, nil
	}
	r, err := open()
	if err != nil {
		return blob{}, err
	}
	defer r.Close()
	digest, size, err := v1.SHA256(r)
	return blob{digest, size, open}, err
}

// newImage puts an image together from its configuration and its layers, the lowest first.
func newImage(config v1.ConfigFile, layers []blob) (image, error) {
	config.OS, config.Architecture = platformOS, platformArch
	config.RootFS = v1.RootFS{Type: "layers"}
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	for _, l := range layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, l.digest)
		manifest.Layers = append(manifest.Layers, l.descriptor(types.OCIUncompressedLayer))
	}
	configBlob, err := jsonBlob(config)
	if err != nil {
		return image{}, err
	}
	manifest.Config = configBlob.descriptor(types.OCIConfigJSON)
	return assemble(manifest, append(layers, configBlob))
}

// assemble gives the image of a manifest whose blobs are given.
func assemble(manifest v1.Manifest, blobs []blob) (image, error) {
	b, err := jsonBlob(manifest)
	if err != nil {
		return image{}, err
	}
	return image{target: b.descriptor(manifest.MediaType), manifest: manifest, blobs: append(blobs, b)}, nil
}
