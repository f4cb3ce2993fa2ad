package media

import (
	"fmt"

	"github.com/nodekiln/nodekiln/pkg/media/qcow2"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// MachineDisk says how a machine's disk differs from the golden one.
type MachineDisk struct {
	// Root is laid over the golden root file system, owners as numbers and with all parents.
	Root *tree.Tree
	// Size of the disk in bytes, whole sectors, not less than the golden disk's. The root partition reaches to its end; the
	// file system in it is grown when the machine starts.
	Size int64
	// DiskGUID and RootPartGUID identify the machine's disk and its root partition.
	DiskGUID, RootPartGUID string
}

// Baked is a machine's disk that is ready to be written. It holds in memory what differs from the golden disk.
type Baked struct {
	overlay *qcow2.Overlay
	layout  Layout
}

// Bake makes a machine's disk from the golden one, which stays as it is.
func Bake(g *Golden, m MachineDisk) (*Baked, error) {
	l, err := g.layout.grow(m.Size, m.DiskGUID, m.RootPartGUID)
	if err != nil {
		return nil, fmt.Errorf("bake a disk: %w", err)
	}
	overlay, err := qcow2.NewOverlay(g.image, m.Size)
	if err != nil {
		return nil, fmt.Errorf("bake a disk: %w", err)
	}
	if err := writeGPT(overlay, l); err != nil {
		return nil, fmt.Errorf("bake a disk: %w", err)
	}
	if err := fillRoot(overlay, l, m.Root); err != nil {
		return nil, fmt.Errorf("bake a disk: %w", err)
	}
	return &Baked{overlay: overlay, layout: l}, nil
}
