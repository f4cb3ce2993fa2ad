package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// WriteDir writes the tree as files below a new directory of that name, which appears only when it is complete. What a
// killed run left is removed first. Nothing outside is ever written, whatever links the tree has.
//
// Permissions and times are the nodes', whatever the umask; files are created readable by their owner alone. Owners,
// extended attributes and set-id bits are left out: the files are the calling user's, and WriteManifest tells what they
// are meant to be. Devices, pipes and sockets are errors.
func WriteDir(dir string, t *Tree) error {
	if _, err := os.Lstat(dir); err == nil {
		return fmt.Errorf("write %s: %w", dir, fs.ErrExist)
	}
	partial := dir + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return fmt.Errorf("remove what an earlier run left: %w", err)
	}
	if err := os.MkdirAll(partial, 0o700); err != nil {
		return fmt.Errorf("write %s: %w", dir, err)
	}
	if err := fill(partial, t.Nodes()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", dir, err), os.RemoveAll(partial))
	}
	if err := os.Rename(partial, dir); err != nil {
		return fmt.Errorf("write %s: %w", dir, err)
	}
	return nil
}

func fill(dir string, nodes []Node) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Chmod(".", 0o755); err != nil {
		return err
	}
	for _, n := range nodes {
		if err := writeNode(root, n); err != nil {
			return fmt.Errorf("%s: %w", n.Path, err)
		}
	}
	// A directory's own permissions and time come after its contents, which could not be written otherwise, or would
	// change the time again.
	for _, n := range slices.Backward(nodes) {
		if n.Mode.IsDir() {
			name := filepath.FromSlash(n.Path)
			if err := errors.Join(root.Chmod(name, n.Mode.Perm()), root.Chtimes(name, n.ModTime, n.ModTime)); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeNode(root *os.Root, n Node) error {
	name := filepath.FromSlash(n.Path)
	if n.HardLink != "" {
		return root.Link(filepath.FromSlash(n.HardLink), name)
	}
	switch n.Mode.Type() {
	case fs.ModeDir:
		return root.MkdirAll(name, 0o700)
	case fs.ModeSymlink:
		return root.Symlink(n.Target, name)
	case 0:
		return writeFile(root, name, n)
	}
	return errors.New("devices, pipes and sockets can not be written as files")
}

func writeFile(root *os.Root, name string, n Node) (err error) {
	r, err := n.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, w.Close())
		if err == nil {
			err = root.Chtimes(name, n.ModTime, n.ModTime)
		}
	}()
	copied, err := io.Copy(w, r)
	if err != nil {
		return err
	}
	if copied != n.Size {
		return fmt.Errorf("the content has %d bytes, not the announced %d", copied, n.Size)
	}
	return w.Chmod(n.Mode.Perm())
}
