package oci

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// pulled is an image that is taken from a registry.
type pulled struct {
	// references are what it is called: by its tag, by its digest where the cluster file gives that, or both.
	references []string
	// digest is what the reference stands for, and repositories are where to ask for it, the first first.
	digest       v1.Hash
	repositories []name.Repository
	image        image
	options      Options
}

// newPulled finds out what a reference stands for. A registry that does not answer is taken at its last word, if there is
// one: what was pulled before can be baked again without it.
func newPulled(ctx context.Context, reference string, o Options) (*pulled, error) {
	p := &pulled{options: o}
	full, digest, byDigest := strings.Cut(reference, "@")
	r, err := name.ParseReference(reference, o.insecure(reference)...)
	if err != nil {
		return nil, fmt.Errorf("%q is no reference of an image, as in registry.example.com/app:1", reference)
	}
	named, err := canonical(full)
	if err != nil {
		return nil, err
	}
	if p.repositories, err = o.repositories(r.Context()); err != nil {
		return nil, err
	}
	hasTag := strings.Contains(full[strings.LastIndex(full, "/")+1:], ":")
	if !byDigest || hasTag {
		p.references = append(p.references, named)
	}
	if byDigest {
		p.digest, err = v1.NewHash(digest)
		exact, _ := canonical(reference)
		p.references = append(p.references, exact)
	} else {
		p.digest, err = p.resolve(ctx, r)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", reference, err)
	}
	return p, nil
}

// repositories gives where the images of a repository can be had: for one of Docker Hub, the mirrors come before the hub.
func (o Options) repositories(r name.Repository) ([]name.Repository, error) {
	var out []name.Repository
	if r.RegistryStr() == name.DefaultRegistry {
		for _, m := range o.Mirrors {
			u, err := url.Parse(m)
			if err != nil {
				return nil, fmt.Errorf("mirror %s: %w", m, err)
			}
			var options []name.Option
			if u.Scheme == "http" || o.trusts(u.Host) {
				options = append(options, name.Insecure)
			}
			registry, err := name.NewRegistry(u.Host, options...)
			if err != nil {
				return nil, fmt.Errorf("mirror %s: %w", m, err)
			}
			out = append(out, registry.Repo(path.Join(u.Path, r.RepositoryStr())))
		}
	}
	return append(out, r), nil
}

// resolve asks the registries what a tag stands for. It is the last one, its own, whose refusal counts.
func (p *pulled) resolve(ctx context.Context, r name.Reference) (v1.Hash, error) {
	o, said := p.options, resolution(r.Name())
	if o.Offline {
		return o.lastResolution(said)
	}
	var failed error
	for _, repository := range p.repositories {
		d, err := remote.Head(repository.Tag(r.Identifier()), o.remote(ctx, repository.Registry)...)
		if err == nil {
			o.Progress.Stage(fmt.Sprintf("%s is %s today", r, d.Digest), 0)
			return d.Digest, o.cache().write(said, func(w io.Writer) error {
				_, err := io.WriteString(w, d.Digest.String())
				return err
			})
		}
		if ctx.Err() != nil {
			return v1.Hash{}, context.Cause(ctx)
		}
		failed = err
	}
	last, err := o.lastResolution(said)
	if err != nil || refuses(failed) {
		return v1.Hash{}, failed
	}
	o.Progress.Stage(fmt.Sprintf("%s is taken for %s, which it was when its registry answered last: %v", r, last, failed), 0)
	return last, nil
}

// refuses tells whether a registry has answered, and will not answer otherwise when it is asked again: it has no such tag,
// or not for this user.
func refuses(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode < http.StatusInternalServerError && answer.StatusCode != http.StatusTooManyRequests
}

func (o Options) lastResolution(said string) (v1.Hash, error) {
	text, err := os.ReadFile(filepath.Join(o.cache().dir, said))
	if err != nil {
		return v1.Hash{}, err
	}
	return v1.NewHash(string(text))
}

func (p *pulled) names() map[string]string {
	out := map[string]string{}
	for _, r := range p.references {
		out[r] = p.digest.String()
	}
	return out
}

func (p *pulled) inputs() string {
	return "pulled " + p.digest.String() + " " + strings.Join(p.references, " ")
}

// prepare pulls what the cache lacks, and compares all digests.
func (p *pulled) prepare(ctx context.Context) error {
	err := p.fromCache(ctx)
	if err != nil {
		if err = p.pull(ctx); err == nil {
			err = p.fromCache(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("pull %s: %w", p.references[0], err)
	}
	p.options.Progress.Stage(p.references[0]+" is there", 1)
	return nil
}

// fromCache gives the image that was pulled.
func (p *pulled) fromCache(ctx context.Context) error {
	c := p.options.cache()
	text, err := os.ReadFile(filepath.Join(c.dir, filepath.FromSlash(blobPath(p.digest))))
	if err != nil {
		return err
	}
	target := v1.Descriptor{MediaType: mediaType(text), Digest: p.digest, Size: int64(len(text))}
	if p.image, err = load(dirContents{os.DirFS(c.dir)}, target); err != nil {
		return err
	}
	p.image.references, p.image.source = p.references, "pulled"
	return p.image.verify(ctx)
}

// mediaType gives that of an index or a manifest, which says it itself unless it is an old one of the OCI's.
func mediaType(text []byte) types.MediaType {
	var said struct {
		MediaType types.MediaType
		Manifests []json.RawMessage
	}
	switch err := json.Unmarshal(text, &said); {
	case err == nil && said.MediaType != "":
		return said.MediaType
	case said.Manifests != nil:
		return types.OCIImageIndex
	}
	return types.OCIManifestSchema1
}

// pull takes the image into the cache from the first registry that has it, without the blobs that are there.
func (p *pulled) pull(ctx context.Context) error {
	var failed []error
	for _, r := range p.repositories {
		err := p.pullFrom(ctx, r)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

func (p *pulled) pullFrom(ctx context.Context, r name.Repository) error {
	c, o := p.options.cache(), p.options.remote(ctx, r.Registry)
	d, err := remote.Get(r.Digest(p.digest.String()), o...)
	if err != nil {
		return err
	}
	if err := c.keep(ctx, p.digest, d.Size, bytes.NewReader(d.Manifest)); err != nil {
		return err
	}
	if d.MediaType.IsIndex() {
		child, err := ofPlatform(d.Manifest)
		if err != nil {
			return err
		}
		if d, err = remote.Get(r.Digest(child.Digest.String()), o...); err != nil {
			return err
		}
		if err := c.keep(ctx, child.Digest, child.Size, bytes.NewReader(d.Manifest)); err != nil {
			return err
		}
	}
	m, err := v1.ParseManifest(bytes.NewReader(d.Manifest))
	if err != nil {
		return err
	}
	blobs := append([]v1.Descriptor{m.Config}, m.Layers...)
	var total, done int64
	for _, b := range blobs {
		total += b.Size
	}
	for _, b := range blobs {
		what := fmt.Sprintf("pulling %s, %d of %d MiB", p.references[0], done>>20, total>>20)
		p.options.Progress.Stage(what, float64(done)/float64(max(total, 1))*0.99)
		if !c.has(ctx, b) {
			if err := p.pullBlob(ctx, r.Digest(b.Digest.String()), b, o); err != nil {
				return fmt.Errorf("%s: %w", b.Digest, err)
			}
		}
		done += b.Size
	}
	return nil
}

func (p *pulled) pullBlob(ctx context.Context, from name.Digest, d v1.Descriptor, o []remote.Option) error {
	layer, err := remote.Layer(from, o...)
	if err != nil {
		return err
	}
	r, err := layer.Compressed()
	if err != nil {
		return err
	}
	return errors.Join(p.options.cache().keep(ctx, d.Digest, d.Size, r), r.Close())
}

func (p *pulled) images(*tree.Tree) ([]image, error) { return []image{p.image}, nil }

// digested is a reference that ends with a digest, of whatever algorithm.
var digested = regexp.MustCompile(`@[a-z0-9]+:[0-9a-f]+$`)

// CheckReference says what is wrong with the reference of an image in a registry. It does not show one that holds a
// password.
func CheckReference(reference string) error {
	if strings.Contains(reference, "@") && !digested.MatchString(reference) {
		return errors.New("an image is pulled by its registry and name alone, perhaps with a digest as in app@sha256:...; its registry is asked as " +
			"'docker login' has left user and password")
	}
	_, err := canonical(reference)
	if err == nil && strings.Count(reference, "@") == 1 && !strings.Contains(reference, "@sha256:") {
		err = fmt.Errorf("%q: an image is known by its SHA-256", reference)
	}
	return err
}

// remote is how a registry is spoken to: as the user has logged in to it with docker, and without regard to certificates
// where the cluster file says so.
func (o Options) remote(ctx context.Context, registry name.Registry) []remote.Option {
	out := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithUserAgent("nodekiln")}
	if t, ok := remote.DefaultTransport.(*http.Transport); ok && o.trusts(registry.RegistryStr()) {
		t = t.Clone()
		t.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
		out = append(out, remote.WithTransport(t))
	}
	return out
}

// insecure is what the library is told of the registry of a reference, which it then asks without TLS too.
func (o Options) insecure(reference string) []name.Option {
	r, err := name.ParseReference(reference)
	if err == nil && o.trusts(r.Context().RegistryStr()) {
		return []name.Option{name.Insecure}
	}
	return nil
}

// trusts tells whether a registry, HOST or HOST:PORT, is among those that the cluster file calls insecure, where networks
// may be too.
func (o Options) trusts(registry string) bool {
	host, _, _ := strings.Cut(registry, ":")
	addr, err := netip.ParseAddr(host)
	for _, r := range o.Insecure {
		network, notNetwork := netip.ParsePrefix(r)
		if r == registry || err == nil && notNetwork == nil && network.Contains(addr) {
			return true
		}
	}
	return false
}
