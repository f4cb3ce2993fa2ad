package oci

import (
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// layer is what is put into one layer of an image.
type layer []ingredient

// ingredient puts something into a layer.
type ingredient func(from pantry, t *tree.Tree) error

// pantry is what images are made of.
type pantry struct {
	// root is the finished root filesystem of the base.
	root *tree.Tree
	// programs are those of the recipe's component.
	programs *tree.Tree
	modTime  time.Time
}

// tree gives the layer's files.
func (l layer) tree(from pantry) (*tree.Tree, error) {
	t := &tree.Tree{}
	for _, put := range l {
		if err := put(from, t); err != nil {
			return nil, err
		}
	}
	return t.WithParents(from.modTime), nil
}

func file(name string, perm fs.FileMode, content []byte) ingredient {
	return func(from pantry, t *tree.Tree) error {
		return t.Add(tree.File(name, perm, from.modTime, content, origin))
	}
}

func directory(name string, perm fs.FileMode) ingredient {
	return func(from pantry, t *tree.Tree) error { return t.Add(tree.Dir(name, perm, from.modTime, origin)) }
}

// links puts links of those names into a directory, all to the same target.
func links(target, dir string, names []string) ingredient {
	return func(from pantry, t *tree.Tree) error {
		for _, n := range names {
			if err := t.Add(tree.Symlink(path.Join(dir, n), target, from.modTime, origin)); err != nil {
				return err
			}
		}
		return nil
	}
}

// ofRoot puts in a file of the base.
func ofRoot(name, as string) ingredient {
	return func(from pantry, t *tree.Tree) error { return copyFile(from.root, name, as, from.modTime, t) }
}

// ofComponent puts in a program of the recipe's component.
func ofComponent(name, as string) ingredient {
	return func(from pantry, t *tree.Tree) error { return copyFile(from.programs, name, as, from.modTime, t) }
}

// trusted puts in the certificates of authorities that the base trusts, as Go and OpenSSL look for them.
func trusted() ingredient {
	const bundle = "etc/ssl/certs/ca-certificates.crt"
	return ofRoot(bundle, bundle)
}

// copyFile puts a file of another tree into t, whatever links lead to it there.
func copyFile(from *tree.Tree, name, as string, modTime time.Time, t *tree.Tree) error {
	n, err := from.Resolve(name)
	if err != nil {
		return err
	}
	if !n.Mode.IsRegular() {
		return fmt.Errorf("/%s: %w", name, fs.ErrNotExist)
	}
	n.Path, n.Owner, n.ModTime, n.Origin = as, tree.Owner{}, modTime, origin
	return t.Add(n)
}
