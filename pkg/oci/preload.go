package oci

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// brought are images in a file or directory of the user's own.
type brought struct {
	preload plan.Preload
	list    []image
	file    func() error
	options Options
}

func newBrought(ctx context.Context, p plan.Preload, o Options) (*brought, error) {
	b := &brought{preload: p, file: func() error { return nil }, options: o}
	var c contents = dirContents{os.DirFS(filepath.Join(o.Dir, filepath.FromSlash(p.Layout)))}
	if p.Archive != "" {
		name := filepath.Join(o.Dir, filepath.FromSlash(p.Archive))
		var err error
		if c, b.file, err = openArchive(name, o.cache().unpacked(ctx, name)); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
	}
	var err error
	if b.list, err = loadNamed(c); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", p, err), b.file())
	}
	for i := range b.list {
		b.list[i].source = p.String()
	}
	return b, nil
}

// loadNamed gives images that each have a name at least.
func loadNamed(c contents) ([]image, error) {
	list, err := loadAll(c)
	if err == nil && len(list) == 0 {
		err = errors.New("it holds no images")
	}
	for _, i := range list {
		if len(i.references) == 0 {
			err = errors.Join(err, fmt.Errorf("the image %s has no name: save it by its reference, as in registry.example.com/app:1, or give it that as the annotation %s in %s",
				i.target.Digest, annotationName, indexFile))
		}
	}
	return list, err
}

func (b *brought) names() map[string]string { return namesOf(b.list) }

// namesOf gives the references of images, each with the digest of its image's configuration: the same image may have its
// layers compressed in one file, and not in another.
func namesOf(list []image) map[string]string {
	out := map[string]string{}
	for _, i := range list {
		for _, r := range i.references {
			out[r] = i.manifest.Config.Digest.String()
		}
	}
	return out
}

// Close closes the file, which the images are read from until they are baked in.
func (b *brought) Close() error { return b.file() }

func (b *brought) inputs() string {
	var text strings.Builder
	for _, i := range b.list {
		fmt.Fprintf(&text, "%s %s\n", i.target.Digest, strings.Join(i.references, " "))
	}
	return text.String()
}

// prepare compares all digests.
func (b *brought) prepare(ctx context.Context) error {
	for n, i := range b.list {
		b.options.Progress.Stage("checking "+i.references[0], float64(n)/float64(len(b.list)))
		if err := i.verify(ctx); err != nil {
			return fmt.Errorf("%s: %s: %w", b.preload, i.references[0], err)
		}
	}
	b.options.Progress.Stage(fmt.Sprintf("%s is sound", b.preload), 1)
	return nil
}

func (b *brought) images(*tree.Tree) ([]image, error) { return b.list, nil }

// Names gives the references of the images that a file or a directory has, each with what tells its image from others, or
// why it has none. It reads no more than it needs for that.
func Names(dir string, p plan.Preload) (map[string]string, error) {
	var c contents = dirContents{os.DirFS(filepath.Join(dir, filepath.FromSlash(p.Layout)))}
	if p.Archive != "" {
		f, err := os.Open(filepath.Join(dir, filepath.FromSlash(p.Archive)))
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if c, err = documents(f); err != nil {
			return nil, err
		}
	}
	list, err := loadNamed(c)
	if err != nil {
		return nil, err
	}
	return namesOf(list), nil
}
