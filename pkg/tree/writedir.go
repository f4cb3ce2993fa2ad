package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
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

// open is a directory that is being filled.
type open struct {
	root *os.Root
	node Node
}

// fill writes the nodes, each by a handle of its own directory: to find it from the top each time would cost more than
// to write most files.
func fill(dir string, nodes []Node) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	stack := []open{{root, Node{Path: ".", Mode: fs.ModeDir | 0o755}}}
	defer func() {
		for _, o := range stack {
			err = errors.Join(err, o.root.Close())
		}
	}()
	// closeTop gives a directory its own permissions and time: that comes after its contents, which could not be written
	// otherwise, or would change the time again.
	closeTop := func() error {
		o := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		err := o.root.Chmod(".", o.node.Mode.Perm())
		if !o.node.ModTime.IsZero() {
			err = errors.Join(err, o.root.Chtimes(".", o.node.ModTime, o.node.ModTime))
		}
		return errors.Join(err, o.root.Close())
	}
	for _, n := range nodes {
		if n.Path == "." {
			stack[0].node = n
			continue
		}
		for stack[len(stack)-1].node.Path != path.Dir(n.Path) {
			if len(stack) == 1 {
				return fmt.Errorf("%s: its directory is not in the tree", n.Path)
			}
			if err := closeTop(); err != nil {
				return err
			}
		}
		in := stack[len(stack)-1].root
		if err := writeNode(root, in, n); err != nil {
			return fmt.Errorf("%s: %w", n.Path, err)
		}
		if n.Mode.IsDir() && n.HardLink == "" {
			sub, err := in.OpenRoot(path.Base(n.Path))
			if err != nil {
				return err
			}
			stack = append(stack, open{sub, n})
		}
	}
	for len(stack) > 0 {
		if err := closeTop(); err != nil {
			return err
		}
	}
	return nil
}

// writeNode writes one node into the directory in, which is below root.
func writeNode(root, in *os.Root, n Node) error {
	name := path.Base(n.Path)
	if n.HardLink != "" {
		return root.Link(filepath.FromSlash(n.HardLink), filepath.FromSlash(n.Path))
	}
	switch n.Mode.Type() {
	case fs.ModeDir:
		return in.Mkdir(name, 0o700)
	case fs.ModeSymlink:
		return in.Symlink(n.Target, name)
	case 0:
		return writeFile(in, name, n)
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
