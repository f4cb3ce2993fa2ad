package oci

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// loadAll gives the images of an OCI image layout, or of what `docker save` has written. Where both are there, as in what
// newer versions of docker write, they are the same.
func loadAll(c contents) ([]image, error) {
	text, err := document(c, indexFile)
	if errors.Is(err, fs.ErrNotExist) {
		return loadDocker(c)
	}
	if err != nil {
		return nil, err
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", indexFile, err)
	}
	var out []image
	at := map[v1.Hash]int{} // one image may have several names
	for _, m := range index.Manifests {
		if i, ok := at[m.Digest]; ok {
			out[i].references = append(out[i].references, named(m)...)
			continue
		}
		i, err := load(c, m)
		if err != nil {
			return nil, err
		}
		i.references = named(m)
		at[m.Digest] = len(out)
		out = append(out, i)
	}
	return out, nil
}

// named gives the reference that an index has for an image; none where it has a tag alone.
func named(m v1.Descriptor) []string {
	for _, key := range []string{annotationName, annotationRef} {
		// A name without a registry or a path is the tag alone.
		if text := m.Annotations[key]; bytes.ContainsAny([]byte(text), "/:") {
			if r, err := canonical(text); err == nil {
				return []string{r}
			}
		}
	}
	return nil
}

// load gives the image that a descriptor stands for.
func load(c contents, target v1.Descriptor) (image, error) {
	i := image{target: v1.Descriptor{MediaType: target.MediaType, Size: target.Size, Digest: target.Digest}}
	manifest := i.target
	if target.MediaType.IsIndex() {
		text, err := i.document(c, target)
		if err != nil {
			return image{}, err
		}
		if manifest, err = ofPlatform(text); err != nil {
			return image{}, fmt.Errorf("%s: %w", target.Digest, err)
		}
	}
	text, err := i.document(c, manifest)
	if err != nil {
		return image{}, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(text))
	if err != nil {
		return image{}, fmt.Errorf("manifest %s: %w", manifest.Digest, err)
	}
	i.manifest = *m
	config, err := i.document(c, m.Config)
	if err != nil {
		return image{}, err
	}
	if err := checkPlatform(config); err != nil {
		return image{}, err
	}
	for _, l := range m.Layers {
		i.blobs = append(i.blobs, stored(c, l))
	}
	return i, nil
}

// document reads a blob that is JSON, and adds it to those of the image.
func (i *image) document(c contents, d v1.Descriptor) ([]byte, error) {
	i.blobs = append(i.blobs, stored(c, d))
	text, err := document(c, blobPath(d.Digest))
	if err != nil {
		return nil, err
	}
	if got, _, _ := v1.SHA256(bytes.NewReader(text)); got != d.Digest {
		return nil, fmt.Errorf("%s has the digest %s: it is damaged", d.Digest, got)
	}
	return text, nil
}

func stored(c contents, d v1.Descriptor) blob {
	return blob{d.Digest, d.Size, func() (io.ReadCloser, error) {
		r, _, err := c.open(blobPath(d.Digest))
		return r, err
	}}
}

// ofPlatform finds the manifest for the machines in an index.
func ofPlatform(text []byte) (v1.Descriptor, error) {
	index, err := v1.ParseIndexManifest(bytes.NewReader(text))
	if err != nil {
		return v1.Descriptor{}, err
	}
	var have []string
	for _, m := range index.Manifests {
		if m.Platform == nil {
			continue
		}
		if m.Platform.OS == platformOS && m.Platform.Architecture == platformArch {
			return m, nil
		}
		have = append(have, m.Platform.String())
	}
	return v1.Descriptor{}, fmt.Errorf("the image is not for %s/%s, which the machines are; it is for %v", platformOS, platformArch, have)
}

// checkPlatform refuses the configuration of an image that the machines can not run.
func checkPlatform(config []byte) error {
	c, err := v1.ParseConfigFile(bytes.NewReader(config))
	if err != nil {
		return fmt.Errorf("its configuration: %w", err)
	}
	if c.OS != platformOS || c.Architecture != platformArch {
		return fmt.Errorf("the image is for %s/%s, and the machines are %s/%s", c.OS, c.Architecture, platformOS, platformArch)
	}
	return nil
}

// loadDocker gives the images of what `docker save` has written. Their layers stay as they are; the manifest, which it does
// not have, is made.
func loadDocker(c contents) ([]image, error) {
	text, err := document(c, dockerFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("it has neither the %s of an OCI image layout nor the %s of docker save", indexFile, dockerFile)
	}
	if err != nil {
		return nil, err
	}
	var list []dockerManifest
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", dockerFile, err)
	}
	var out []image
	for _, m := range list {
		i, err := m.load(c)
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

func (d dockerManifest) load(c contents) (image, error) {
	config, err := document(c, d.Config)
	if err != nil {
		return image{}, err
	}
	if err := checkPlatform(config); err != nil {
		return image{}, err
	}
	parsed, err := v1.ParseConfigFile(bytes.NewReader(config))
	if err != nil {
		return image{}, err
	}
	if len(parsed.RootFS.DiffIDs) != len(d.Layers) {
		return image{}, fmt.Errorf("%s lists %d layers, and its configuration %d", dockerFile, len(d.Layers), len(parsed.RootFS.DiffIDs))
	}
	configBlob := bytesBlob(config)
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: configBlob.descriptor(types.OCIConfigJSON)}
	blobs := []blob{configBlob}
	for at, name := range d.Layers {
		b, mediaType, err := dockerLayer(c, name, parsed.RootFS.DiffIDs[at])
		if err != nil {
			return image{}, fmt.Errorf("%s: %w", name, err)
		}
		m.Layers = append(m.Layers, b.descriptor(mediaType))
		blobs = append(blobs, b)
	}
	i, err := assemble(m, blobs)
	for _, tag := range d.RepoTags {
		r, err := canonical(tag)
		if err != nil {
			return image{}, err
		}
		i.references = append(i.references, r)
	}
	return i, err
}

// dockerLayer gives a layer of an image. Docker writes them uncompressed, so that the configuration has their digests; what
// other programs write for it may be compressed.
func dockerLayer(c contents, name string, uncompressed v1.Hash) (blob, types.MediaType, error) {
	r, size, err := c.open(name)
	b := blob{uncompressed, size, func() (io.ReadCloser, error) {
		r, _, err := c.open(name)
		return r, err
	}}
	if errors.Is(err, errNotRead) {
		return b, types.OCIUncompressedLayer, nil
	}
	if err != nil {
		return blob{}, "", err
	}
	defer r.Close()
	h := sha256.New()
	z, err := decompressed(io.TeeReader(r, h))
	if err != nil || z == nil {
		return b, types.OCIUncompressedLayer, err
	}
	got, _, err := v1.SHA256(z)
	if err == nil {
		_, err = io.Copy(h, r)
	}
	if err == nil && got != uncompressed {
		err = fmt.Errorf("it is damaged: uncompressed, it has the digest %s instead of %s", got, uncompressed)
	}
	b.digest = v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
	if _, ok := z.(*gzip.Reader); !ok {
		return b, types.OCILayerZStd, err
	}
	return b, types.OCILayer, err
}

// verify reads all blobs of an image and compares their digests.
func (i image) verify(ctx context.Context) error {
	for _, b := range i.blobs {
		if err := b.verify(ctx); err != nil {
			return fmt.Errorf("%s: %w", b.digest, err)
		}
	}
	return nil
}

func (b blob) verify(ctx context.Context) error {
	r, err := b.open()
	if err != nil {
		return err
	}
	defer r.Close()
	got, size, err := v1.SHA256(reader{ctx, r})
	if err == nil && (got != b.digest || size != b.size) {
		err = fmt.Errorf("it is damaged: it has the digest %s and %d bytes instead of %d", got, size, b.size)
	}
	return err
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}
