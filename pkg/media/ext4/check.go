package ext4

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// Limits of what an inode can say.
const (
	// 34 bits of seconds count from the lowest 32-bit number, Documentation/filesystems/ext4/inodes.rst.
	minSeconds     = -1 << 31
	maxSeconds     = minSeconds + 1<<34 - 1
	maxSecondsBase = 1<<31 - 1
	maxOwner       = 1<<32 - 2 // the last number stands for none, chown(2)
	maxMajor       = 1<<12 - 1
	maxMinor       = 1<<20 - 1
)

// check refuses, before anything is written and all at once, nodes that ext4 can not hold.
func (w *writer) check() error {
	w.links = map[string]string{}
	var errs []error
	for _, n := range w.nodes {
		if n.HardLink != "" {
			w.links[n.Path] = n.HardLink
		}
	}
	for _, n := range w.nodes {
		if err := w.checkNode(n); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", n.Path, err))
		}
	}
	return errors.Join(errs...)
}

func (w *writer) checkNode(n tree.Node) error {
	if name := path.Base(n.Path); len(name) > maxName || strings.Contains(name, "\x00") {
		return fmt.Errorf("the name has %d bytes, of at most %d, or a NUL in it", len(name), maxName)
	}
	if n.HardLink != "" {
		return w.checkHardLink(n)
	}
	latest := int64(maxSecondsBase)
	if w.geo.inodeSize > inodeBaseSize {
		latest = maxSeconds
	}
	switch seconds := n.ModTime.Unix(); {
	case n.Owner.User != "" || n.Owner.Group != "":
		return errors.New("the owner is a name, not a number")
	case n.Owner.UID < 0 || n.Owner.UID > maxOwner || n.Owner.GID < 0 || n.Owner.GID > maxOwner:
		return fmt.Errorf("the owner %d:%d is no number of a user and a group", n.Owner.UID, n.Owner.GID)
	case seconds < minSeconds || seconds > latest:
		return fmt.Errorf("the time %s is out of range", n.ModTime.UTC())
	case n.Path == "." && !n.Mode.IsDir():
		return errors.New("the root is to be a directory")
	}
	if _, err := storedXattrs(n.Xattrs); err != nil {
		return err
	}
	return w.checkType(n)
}

func (w *writer) checkType(n tree.Node) error {
	switch n.Mode.Type() {
	case fs.ModeDir, fs.ModeNamedPipe, fs.ModeSocket:
	case fs.ModeSymlink:
		if n.Target == "" || len(n.Target) >= w.geo.blockSize || strings.Contains(n.Target, "\x00") {
			return fmt.Errorf("the target of the link has %d bytes, of 1 to %d, or a NUL among them", len(n.Target), w.geo.blockSize-1)
		}
	case fs.ModeDevice, fs.ModeDevice | fs.ModeCharDevice:
		if n.Major > maxMajor || n.Minor > maxMinor {
			return fmt.Errorf("the device %d:%d is out of range", n.Major, n.Minor)
		}
	case 0:
		if n.Size < 0 || n.Size > 0 && n.Open == nil {
			return fmt.Errorf("a file of %d bytes without content", n.Size)
		}
	default:
		return fmt.Errorf("a file of the type %s", n.Mode.Type())
	}
	return nil
}

// checkHardLink refuses a target outside the file system, and links that lead in a circle.
func (w *writer) checkHardLink(n tree.Node) error {
	if !fs.ValidPath(n.HardLink) {
		return fmt.Errorf("hard link to %q, which is no clean path relative to the root", n.HardLink)
	}
	end := n.HardLink
	for range w.links {
		next, ok := w.links[end]
		if !ok {
			return nil
		}
		end = next
	}
	if _, ok := w.links[end]; ok {
		return fmt.Errorf("hard link to %s, which leads back to itself", n.HardLink)
	}
	return nil
}
