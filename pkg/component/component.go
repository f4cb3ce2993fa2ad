// Package component gets the programs that the machines of a cluster, and their container images, have beside those of
// packages: Kubernetes' own, etcd, flannel, the plugins of the container network, and CoreDNS. Each component is taken
// from one of three sources:
//
//	modules   built from the Go modules of its version, which the checksum database vouches for
//	release   unpacked from official archives, whose digests the cluster file gives
//	packages  installed by the distribution: there is nothing to add
//
// What is made is kept in a cache directory, by the digest of all that decides what it is.
package component

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// formatVersion grows whenever this package makes something else of the same inputs.
const formatVersion = "1"

// Progress hears how far the making of components is. Calls come one at a time.
type Progress interface {
	// Stage tells what is being done, and how much of it is behind, from 0 to 1.
	Stage(what string, done float64)
}

// Options say where components are made.
type Options struct {
	// CacheDir holds what is made below "component", and downloads below "fetch".
	CacheDir string
	// Dir is what the files of archives are relative to.
	Dir string
	// ModTime stamps the files.
	ModTime time.Time
	// Progress of what takes long; nil for nobody.
	Progress Progress
}

// source is where the programs of components come from.
type source interface {
	// String says for people where: "Go modules (go1.26.8)".
	String() string
	// inputs is all that decides what make gives for a component, as text, or why it can not.
	inputs(c plan.Component) (string, error)
	// make puts the programs of a component below a directory, which is the root of a machine. Its error is an
	// *absentError where the source does not have them.
	make(ctx context.Context, c plan.Component, dir string) error
}

// absentError is a source that lacks programs.
type absentError struct{ source, lacks string }

func (e *absentError) Error() string { return fmt.Sprintf("not in %s: %s", e.source, e.lacks) }

// Set is the components of a cluster, each with where it may come from.
type Set struct {
	parts   []part
	options Options
}

// part is one component and its sources, the first first.
type part struct {
	component plan.Component
	sources   []source
	digest    string
}

// Choose decides where the components come from. With the source auto a component is taken from the archives, if there
// are any and they have it, and else is built from Go modules. What can not be made is an error now, and not after
// minutes; all of it at once.
func Choose(ctx context.Context, c plan.Components, o Options) (*Set, error) {
	if o.Progress == nil {
		o.Progress = silent{}
	}
	s := &Set{options: o}
	if len(c.Wanted) == 0 || c.Source == profile.SourcePackages {
		return s, nil
	}
	var sources []source
	if len(c.Archives) > 0 && c.Source != profile.SourceModules {
		sources = append(sources, &release{archives: c.Archives, options: o})
	}
	var missing error
	if c.Source != profile.SourceRelease {
		m, err := newModules(ctx, o)
		if err == nil {
			sources = append(sources, m)
		}
		missing = err
	}
	var problems []error
	for _, w := range c.Wanted {
		p, err := newPart(w, sources)
		if err != nil || len(p.sources) == 0 {
			problems = append(problems, fmt.Errorf("there is no source for %s %s: %w", w.Name, w.Version, errors.Join(err, missing)))
		}
		s.parts = append(s.parts, p)
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w\ngive official archives with their digests as components.archives in the cluster file, "+
			"or say components.source: packages where the machines' packages have the programs", errors.Join(problems...))
	}
	return s, nil
}

// newPart gives a component with those of the sources that may have it. Where none may, the error says why each has not.
func newPart(c plan.Component, sources []source) (part, error) {
	p := part{component: c}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s %s\n", formatVersion, c.Name, c.Version)
	var refusals []error
	for _, s := range sources {
		in, err := s.inputs(c)
		if err != nil {
			refusals = append(refusals, err)
			continue
		}
		fmt.Fprintf(h, "%d\n%s\n", len(in), in)
		p.sources = append(p.sources, s)
	}
	p.digest = hex.EncodeToString(h.Sum(nil))
	if len(p.sources) > 0 {
		return p, nil
	}
	return p, errors.Join(refusals...)
}

// OnMachines are the components that the machines themselves have.
func (s *Set) OnMachines() *Set {
	return s.only(func(c plan.Component) bool { return !c.ImagesOnly })
}

// Of is one component alone; the set is empty where it is not wanted, or where the machines' packages have it.
func (s *Set) Of(name string) *Set {
	return s.only(func(c plan.Component) bool { return c.Name == name })
}

func (s *Set) only(keep func(plan.Component) bool) *Set {
	out := &Set{options: s.options}
	for _, p := range s.parts {
		if keep(p.component) {
			out.parts = append(out.parts, p)
		}
	}
	return out
}

// Digest is that of all that decides what the programs are; "" for none.
func (s *Set) Digest() string {
	if len(s.parts) == 0 {
		return ""
	}
	h := sha256.New()
	for _, p := range s.parts {
		fmt.Fprintf(h, "%s\n", p.digest)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Tree gives the programs, and makes those first that the cache does not hold.
func (s *Set) Tree(ctx context.Context) (*tree.Tree, error) {
	var trees []*tree.Tree
	for _, p := range s.parts {
		t, err := s.tree(ctx, p)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", p.component.Name, p.component.Version, err)
		}
		trees = append(trees, t)
	}
	return tree.Merge(trees...), nil
}

// make takes the programs of a component from the first source that has them all.
func (p part) make(ctx context.Context, dir string, progress Progress) error {
	var absences []error
	for _, s := range p.sources {
		progress.Stage(fmt.Sprintf("%s %s from %s", p.component.Name, p.component.Version, s), 0)
		err := s.make(ctx, p.component, dir)
		var absent *absentError
		if !errors.As(err, &absent) {
			return err
		}
		absences = append(absences, err)
		// The programs that it does have are not to lie where those of the next source go.
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return errors.Join(absences...)
}

type silent struct{}

func (silent) Stage(string, float64) {}
