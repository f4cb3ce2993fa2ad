// Package oci gets the container images that are baked into the machines' image, so that pods start without a registry:
// those that a Kubernetes cannot do without, which it makes itself of what the base and the components hold, and those of
// the user's own. It is the only user of go-containerregistry.
//
//	made      put together from nothing, the base's files and a component's programs
//	pulled    taken from a registry while building
//	archive, layout   files of the user's own
package oci

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// formatVersion grows whenever this package makes something else of the same inputs.
const formatVersion = "1"

// Progress hears how far the getting of images is. Calls come one at a time.
type Progress interface {
	// Stage tells what is being done, and how much of it is behind, from 0 to 1.
	Stage(what string, done float64)
}

// Programs are those of one component.
type Programs interface {
	// Digest is that of all that decides what they are; "" for none.
	Digest() string
	// Tree gives them, and makes them if need be.
	Tree(ctx context.Context) (*tree.Tree, error)
}

// Options say how images are got.
type Options struct {
	// CacheDir keeps what is pulled and unpacked, below "image".
	CacheDir string
	// Dir is what the files of the user's own are relative to.
	Dir string
	// Insecure are registries, HOST or HOST:PORT, and networks of them, that are reached without TLS or with a certificate
	// that nobody knows.
	Insecure []string
	// Mirrors are URLs of mirrors of Docker Hub, which are asked before it, the first first.
	Mirrors []string
	// Offline keeps registries from being asked what a tag stands for today.
	Offline bool
	// ModTime stamps the images and their files.
	ModTime time.Time
	// Programs gives the programs of a component by its name.
	Programs func(component string) Programs
	// Progress of what takes long; nil for nobody.
	Progress Progress
}

// Set is the images of a cluster, each with where it comes from.
type Set struct {
	sources []source
	options Options
}

// source is where one image, or several, come from.
type source interface {
	// inputs is all that decides what the images are, as text.
	inputs() string
	// prepare gets what takes long or may fail.
	prepare(ctx context.Context) error
	// images gives them, for a base with that root filesystem.
	images(root *tree.Tree) ([]image, error)
}

// preloaded is a source of images of the user's own.
type preloaded interface {
	source
	// names are what the images are called, each with what tells its image from others.
	names() map[string]string
}

// Choose decides where the images come from. An image of the user's own is taken in the place of the profile's that has the
// same name. What can not be is an error now, and not after minutes; all of it at once.
func Choose(ctx context.Context, p plan.Images, o Options) (_ *Set, err error) {
	if o.Progress == nil {
		o.Progress = silent{}
	}
	s := &Set{options: o}
	if p.Source == plan.ImagesNone {
		return s, nil
	}
	var problems []error
	names := map[string]string{}
	for _, l := range p.Preload {
		src, err := newPreload(ctx, l, o)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		s.sources = append(s.sources, src)
		its := src.names()
		for _, n := range slices.Sorted(maps.Keys(its)) {
			if before, ok := names[n]; ok && before != its[n] {
				problems = append(problems, fmt.Errorf("%s has another image called %s than one before it", l, n))
			}
			names[n] = its[n]
		}
	}
	for _, w := range p.Wanted {
		reference, err := canonical(w.Reference)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if _, ok := names[reference]; ok {
			continue
		}
		src, err := newWanted(ctx, w, reference, p.Source, o)
		if err != nil {
			problems = append(problems, err)
		} else if src != nil {
			s.sources = append(s.sources, src)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func newPreload(ctx context.Context, l plan.Preload, o Options) (preloaded, error) {
	if l.Pull != "" {
		return newPulled(ctx, l.Pull, o)
	}
	return newBrought(ctx, l, o)
}

// newWanted gives where an image of the profile's comes from; nil where nobody asked for it to be made, and it can not be.
func newWanted(ctx context.Context, w plan.Image, reference, how string, o Options) (source, error) {
	if how == plan.ImagesPull && !strings.HasPrefix(reference, ownRegistry) {
		return newPulled(ctx, w.Reference, o)
	}
	m, err := newMade(w.Name, reference, o)
	if lacks := (*lacksError)(nil); errors.As(err, &lacks) && how == plan.ImagesAuto {
		o.Progress.Stage(lacks.Error()+": machines take it from its registry", 0)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// ownRegistry has the images that nobody but this package makes.
const ownRegistry = "nodekiln.dev/"

// Close closes the user's files.
func (s *Set) Close() error {
	var errs []error
	for _, src := range s.sources {
		if c, ok := src.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// Digest is that of all that decides what the images are, beside the base; "" for none.
func (s *Set) Digest() string {
	if len(s.sources) == 0 {
		return ""
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", formatVersion)
	for _, src := range s.sources {
		in := src.inputs()
		fmt.Fprintf(h, "%d\n%s\n", len(in), in)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Prepare gets what the images are made of beside the base.
func (s *Set) Prepare(ctx context.Context) error {
	for _, src := range s.sources {
		if err := src.prepare(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Tree gives the images as files of a machine, below Dir, for a base with that root filesystem. It is called after Prepare.
func (s *Set) Tree(root *tree.Tree) (*tree.Tree, error) {
	if len(s.sources) == 0 {
		return &tree.Tree{}, nil
	}
	var all []image
	for _, src := range s.sources {
		images, err := src.images(root)
		if err != nil {
			return nil, err
		}
		all = append(all, images...)
	}
	return newLayout(all, s.options.ModTime)
}

func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

type silent struct{}

func (silent) Stage(string, float64) {}
