package oci

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// made is an image that is put together here.
type made struct {
	name, reference string
	recipe          recipe
	programs        Programs
	// tree has the component's programs, after prepare.
	tree    *tree.Tree
	options Options
}

// lacksError is an image that is made of a component which the cluster does not have.
type lacksError struct{ reference, component string }

func (e *lacksError) Error() string {
	return fmt.Sprintf("the image %s is made of the component %s, which the cluster does not have", e.reference, e.component)
}

func newMade(name, reference string, o Options) (*made, error) {
	r, ok := recipes()[name]
	if !ok {
		return nil, fmt.Errorf("there is no recipe for the image %s (%s): say images.source: pull in the cluster file, or none", name, reference)
	}
	m := &made{name: name, reference: reference, recipe: r, tree: &tree.Tree{}, options: o}
	if r.component == "" {
		return m, nil
	}
	if m.programs = o.Programs(r.component); m.programs == nil || m.programs.Digest() == "" {
		return nil, &lacksError{reference, r.component}
	}
	return m, nil
}

func (m *made) inputs() string {
	text := "made " + m.name + " " + m.reference
	if m.programs != nil {
		text += " " + m.programs.Digest()
	}
	return text
}

func (m *made) prepare(ctx context.Context) (err error) {
	if m.programs != nil {
		m.tree, err = m.programs.Tree(ctx)
	}
	return err
}

func (m *made) images(root *tree.Tree) ([]image, error) {
	from := pantry{root: root, programs: m.tree, modTime: m.options.ModTime}
	var layers []blob
	var history []v1.History
	for _, l := range m.recipe.layers {
		t, err := l.tree(from)
		if err != nil {
			return nil, fmt.Errorf("make the image %s: %w", m.name, err)
		}
		b, err := layerBlob(t)
		if err != nil {
			return nil, fmt.Errorf("make the image %s: %w", m.name, err)
		}
		layers = append(layers, b)
		history = append(history, v1.History{Created: v1.Time{Time: m.options.ModTime.UTC()}, CreatedBy: "nodekiln"})
	}
	i, err := newImage(v1.ConfigFile{Created: v1.Time{Time: m.options.ModTime.UTC()}, Config: m.recipe.config, History: history}, layers)
	if err != nil {
		return nil, fmt.Errorf("make the image %s: %w", m.name, err)
	}
	i.references, i.source = []string{m.reference}, "made"
	return []image{i}, nil
}
