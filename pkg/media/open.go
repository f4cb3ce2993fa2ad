package media

import (
	"fmt"
	"io/fs"

	"github.com/nodekiln/nodekiln/pkg/media/ext4"
	"github.com/nodekiln/nodekiln/pkg/media/qcow2"
)

// Golden is an open golden disk. Any number of goroutines may bake from it at once.
type Golden struct {
	image  *qcow2.Image
	layout Layout
}

// OpenGolden opens a disk that WriteGolden wrote.
func OpenGolden(path string) (*Golden, error) {
	image, err := qcow2.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open golden disk: %w", err)
	}
	l, err := readLayout(image, image.Size())
	if err != nil {
		image.Close()
		return nil, fmt.Errorf("open golden disk %s: %w", path, err)
	}
	return &Golden{image: image, layout: l}, nil
}

// Root opens the root file system for reading. Each call gives one of its own, for the use of one goroutine.
func (g *Golden) Root() (fs.FS, error) {
	fsys, err := ext4.Open(section{disk: readOnly{g.image}, start: g.layout.Root.Start, size: g.layout.Root.Size})
	if err != nil {
		return nil, fmt.Errorf("open the root file system of a golden disk: %w", err)
	}
	return fsys.FS(), nil
}

// Close closes the disk. What was baked from it can then no longer be written.
func (g *Golden) Close() error { return g.image.Close() }
