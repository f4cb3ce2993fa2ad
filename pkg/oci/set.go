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
	"io/fs"
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

// Choose decides where the images come from. What can not be made is an error now, and not after minutes; all of it at
// once.
func Choose(p plan.Images, o Options) (*Set, error) {
	if o.Progress == nil {
		o.Progress = silent{}
	}
	s := &Set{options: o}
	if p.Source == plan.ImagesNone {
		return s, nil
	}
	var problems []error
	for _, w := range p.Wanted {
		m, err := newMade(w, o)
		problems = append(problems, err)
		s.sources = append(s.sources, m)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return s, nil
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
