package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// FromDir gives the tree of a user's directory. Modes are the files' own; everything is root's and of modTime, so that
// who owns a checkout and when it was made does not reach a machine. A ManifestName file at the top declares what is to
// differ, as for FromFS.
//
// Devices, sockets, pipes, setuid and setgid files, and relative links that climb out of the directory are refused, all
// of them at once. Links are not followed.
func FromDir(dir string, modTime time.Time, origin string) (*Tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("read overlay: %w", err)
	}
	defer root.Close()
	t, errs := &Tree{}, []error(nil)
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil || rel == "." || rel == ManifestName {
			return err
		}
		n, err := dirNode(root, dir, filepath.ToSlash(rel), d)
		if err != nil {
			errs = append(errs, err)
			return nil
		}
		n.ModTime, n.Origin = modTime, origin
		return t.Add(n)
	})
	if err = errors.Join(append(errs, err)...); err != nil {
		return nil, fmt.Errorf("read overlay %s: %w", dir, err)
	}
	m, err := readManifest(root.FS())
	if err == nil {
		err = m.apply(t, modTime, origin)
	}
	if err != nil {
		return nil, fmt.Errorf("read overlay %s: %w", filepath.Join(dir, ManifestName), err)
	}
	return t, nil
}

func dirNode(root *os.Root, dir, p string, d fs.DirEntry) (Node, error) {
	info, err := d.Info()
	if err != nil {
		return Node{}, err
	}
	n := Node{Path: p, Mode: info.Mode()}
	switch n.Mode.Type() {
	case fs.ModeDir:
	case fs.ModeSymlink:
		n.Mode = fs.ModeSymlink | 0o777
		if n.Target, err = root.Readlink(filepath.FromSlash(p)); err == nil && leaves(p, n.Target) {
			err = fmt.Errorf("%s links to %s, which is outside the overlay", p, n.Target)
		}
	case 0:
		if n.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
			return n, fmt.Errorf("%s is setuid or setgid; declare that in %s if it is meant", p, ManifestName)
		}
		n.Size = info.Size()
		n.Open = func() (io.ReadCloser, error) { return openIn(dir, p) }
	default:
		err = fmt.Errorf("%s is a device, a socket or a pipe", p)
	}
	return n, err
}

// openIn opens a file below dir without ever following a link out of it.
func openIn(dir, p string) (io.ReadCloser, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Open(filepath.FromSlash(p))
}

// leaves tells whether a relative link climbs above the root. An absolute one starts at the machine's root and does not.
func leaves(p, target string) bool {
	if path.IsAbs(target) {
		return false
	}
	up := path.Join(path.Dir(p), target)
	return up == ".." || strings.HasPrefix(up, "../")
}
