package tree

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// maxLinks is as many links as the kernel follows in one lookup: MAXSYMLINKS in include/linux/namei.h.
const maxLinks = 40

// Resolve finds the node that a path leads to inside the tree, whatever links are on the way.
func (t *Tree) Resolve(p string) (Node, error) {
	done, rest, links := "", path.Clean("/" + p)[1:], 0
	for rest != "" {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		here := path.Join(done, name)
		n, ok := t.Get(here)
		if n.HardLink != "" {
			n, ok = t.Get(n.HardLink)
		}
		if !ok && rest == "" {
			return Node{}, fmt.Errorf("/%s: %w", p, fs.ErrNotExist)
		}
		// A directory that only stands in the paths of others is none the less there.
		if n.Mode.Type() != fs.ModeSymlink {
			if done = here; rest == "" {
				return n, nil
			}
			continue
		}
		if links++; links > maxLinks {
			return Node{}, fmt.Errorf("/%s: too many levels of links", p)
		}
		target := n.Target
		if !path.IsAbs(target) {
			target = path.Join("/", done, target)
		}
		done, rest = "", path.Join(path.Clean(target), rest)[1:]
	}
	return Node{}, fmt.Errorf("/%s: is the root", p)
}
