package fat

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path"
	"slices"
	"time"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// Write makes a file system on the device, which must read as zeros, and puts the tree's directories and regular files
// into it. Names must be short ones in capitals ("EFI/BOOT/BOOTX64.EFI"), parents must be there; owners and permissions
// have no place in FAT. The root's time, when the tree has the root, is that of the label.
func Write(dev io.WriterAt, v Volume, t *tree.Tree) error {
	if err := write(dev, v, t); err != nil {
		return fmt.Errorf("write FAT32 file system: %w", err)
	}
	return nil
}

func write(dev io.WriterAt, v Volume, t *tree.Tree) error {
	g, err := layOut(v)
	if err != nil {
		return err
	}
	if len(v.Label) > 11 {
		return fmt.Errorf("the label %q has more than 11 characters", v.Label)
	}
	w := &writer{geometry: g, dev: dev, table: []uint32{0x0fffff00 | media, endOfChain}, dirs: map[string]*dir{}}
	if err := w.place(t); err != nil {
		return err
	}
	if err := w.writeContents(t); err != nil {
		return err
	}
	if err := g.writeFATs(dev, w.table); err != nil {
		return err
	}
	return g.writeBoot(dev, uint32(len(w.table)))
}

var errNoParent = errors.New("the parent directory is missing")

// writer fills a volume from its beginning.
type writer struct {
	geometry
	dev   io.WriterAt
	table []uint32 // the used part of the allocation table
	dirs  map[string]*dir
}

// dir is a directory on its way into the volume.
type dir struct {
	cluster uint32
	entries []byte
}

// place gives every directory its clusters, the root first, and fills the directories but for the files in them.
func (w *writer) place(t *tree.Tree) error {
	children := map[string]int64{}
	for _, n := range t.Nodes() {
		if n.Path != "." {
			children[path.Dir(n.Path)]++
		}
	}
	root, _ := t.Get(".")
	if err := w.addDir(".", "", root.ModTime, children["."]+1); err != nil {
		return err
	}
	for _, n := range t.Nodes() {
		if !n.Mode.IsDir() || n.Path == "." {
			continue
		}
		if err := w.addDir(n.Path, path.Dir(n.Path), n.ModTime, children[n.Path]+2); err != nil {
			return fmt.Errorf("%s: %w", n.Path, err)
		}
	}
	return nil
}

// addDir allocates a directory with room for the entries, and enters it into its parent. Every directory but the root
// begins with itself and its parent, where the root counts as cluster 0.
func (w *writer) addDir(p, parent string, modTime time.Time, entries int64) error {
	first, err := w.allocate(entries * entrySize)
	if err != nil {
		return err
	}
	d := &dir{cluster: first}
	w.dirs[p] = d
	if p == "." {
		if w.Label != "" {
			d.entries = entry(padded(w.Label, 11), attrVolumeID, modTime, 0, 0)
		}
		return nil
	}
	up := uint32(0)
	if parent != "." {
		if _, ok := w.dirs[parent]; !ok {
			return errNoParent
		}
		up = w.dirs[parent].cluster
	}
	d.entries = append(entry(padded(".", 11), attrDirectory, modTime, first, 0),
		entry(padded("..", 11), attrDirectory, modTime, up, 0)...)
	return w.enter(p, attrDirectory, modTime, first, 0)
}

// enter puts an entry into the parent directory.
func (w *writer) enter(p string, attr byte, modTime time.Time, cluster, size uint32) error {
	parent, ok := w.dirs[path.Dir(p)]
	if !ok {
		return errNoParent
	}
	name, err := shortName(path.Base(p))
	if err != nil {
		return err
	}
	parent.entries = append(parent.entries, entry(name, attr, modTime, cluster, size)...)
	return nil
}

// allocate chains the next clusters for that many bytes and gives the first, 0 for no bytes.
func (w *writer) allocate(size int64) (uint32, error) {
	n := (size + w.clusterSize() - 1) / w.clusterSize()
	if free := int64(w.clusters) + rootCluster - int64(len(w.table)); n > free {
		return 0, fmt.Errorf("%d clusters are needed, %d are free", n, free)
	}
	if n == 0 {
		return 0, nil
	}
	first := uint32(len(w.table))
	for range n - 1 {
		w.table = append(w.table, uint32(len(w.table))+1)
	}
	w.table = append(w.table, endOfChain)
	return first, nil
}

// writeContents writes the files, and then the directories, which know them by now.
func (w *writer) writeContents(t *tree.Tree) error {
	for _, n := range t.Nodes() {
		if n.Mode.IsDir() {
			continue
		}
		if err := w.writeFile(n); err != nil {
			return fmt.Errorf("%s: %w", n.Path, err)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(w.dirs)) {
		d := w.dirs[p]
		if _, err := w.dev.WriteAt(d.entries, w.offset(d.cluster)); err != nil {
			return fmt.Errorf("write directory %s: %w", p, err)
		}
	}
	return nil
}

func (w *writer) writeFile(n tree.Node) error {
	content, err := n.Content()
	if err != nil {
		return err
	}
	if len(content) > math.MaxUint32 {
		return fmt.Errorf("a file of %d bytes is too large for FAT", len(content))
	}
	first, err := w.allocate(int64(len(content)))
	if err != nil {
		return err
	}
	if len(content) > 0 {
		if _, err := w.dev.WriteAt(content, w.offset(first)); err != nil {
			return err
		}
	}
	return w.enter(n.Path, attrArchive, n.ModTime, first, uint32(len(content)))
}
