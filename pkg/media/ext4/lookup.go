package ext4

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// maxHops is how many symbolic links a path may lead through, as in path_resolution(7).
const maxHops = 40

var errNotDir = errors.New("not a directory")

// resolve gives the inode that a path leads to. Links are followed as the kernel would with this file system as its
// root: an absolute one starts there, and ".." ends there. The last component is followed when that is asked for.
func (f *FS) resolve(path string, followLast bool) (*inode, error) {
	root, err := f.inode(rootInode)
	if err != nil {
		return nil, err
	}
	above := []*inode{root}
	hops := 0
	todo := strings.Split(path, "/")
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		here := above[len(above)-1]
		if !here.isDir() {
			return nil, errNotDir
		}
		switch name {
		case "", ".":
			continue
		case "..":
			above = above[:max(1, len(above)-1)]
			continue
		}
		in, err := f.step(here, name)
		if err != nil {
			return nil, err
		}
		if !in.isSymlink() || len(todo) == 0 && !followLast {
			above = append(above, in)
			continue
		}
		if hops++; hops > maxHops {
			return nil, fmt.Errorf("more than %d symbolic links", maxHops)
		}
		target, err := f.target(in)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(target, "/") {
			above = above[:1]
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return above[len(above)-1], nil
}

// step gives the inode that a name in a directory stands for.
func (f *FS) step(in *inode, name string) (*inode, error) {
	d, err := f.dir(in)
	if err != nil {
		return nil, err
	}
	e, ok := d.names[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return f.child(d, e)
}

// target is what a symbolic link holds.
func (f *FS) target(in *inode) (string, error) {
	size := in.size()
	if in.flags()&flagExtents == 0 {
		if size >= blockArea {
			return "", corrupt("the link in inode %d has %d bytes, and none of them in a block", in.num, size)
		}
		return string(in.area()[:size]), nil
	}
	if size >= int64(f.geo.blockSize) {
		return "", corrupt("the link in inode %d has %d bytes", in.num, size)
	}
	t, err := f.extents(in)
	if err != nil {
		return "", err
	}
	b := make([]byte, size)
	if err := f.readAt(t.extents, b, 0); err != nil {
		return "", err
	}
	return string(b), nil
}

// readAt fills p with a file's content from the offset; holes read as zeros. The end of the file is the caller's care.
func (f *FS) readAt(extents []extent, p []byte, off int64) error {
	clear(p)
	size := int64(f.geo.blockSize)
	for _, x := range extents[after(extents, uint64(off/size)):] {
		from, end := int64(x.logical)*size, int64(x.end())*size
		if from >= off+int64(len(p)) {
			return nil
		}
		if x.unwritten {
			continue
		}
		from = max(from, off)
		part := p[from-off : min(end-off, int64(len(p)))]
		if err := readFull(f.cache.dev, part, int64(x.start)*size+from-int64(x.logical)*size); err != nil {
			return fmt.Errorf("read block %d: %w", x.start, err)
		}
	}
	return nil
}

// after gives the index of the first extent that ends after the block.
func after(extents []extent, block uint64) int {
	low, high := 0, len(extents)
	for low < high {
		if mid := (low + high) / 2; extents[mid].end() <= block {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}
