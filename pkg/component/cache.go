package component

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// lockPoll is how often a process asks whether the one that makes the same component is done.
const lockPoll = 250 * time.Millisecond

// tree gives the programs of one component from the cache, and makes them first if they are not there.
func (s *Set) tree(ctx context.Context, p part) (*tree.Tree, error) {
	parent := filepath.Join(s.options.CacheDir, "component")
	dir := filepath.Join(parent, fmt.Sprintf("%s-%s-%s", p.component.Name, p.component.Version, p.digest[:16]))
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(parent, 0o755); err != nil {
			return nil, err
		}
		if err := s.keep(ctx, p, dir); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	return tree.FromFS(os.DirFS(dir), s.options.ModTime, p.component.Name+" "+p.component.Version)
}

// keep makes a component and gives it its place in the cache once it is whole.
func (s *Set) keep(ctx context.Context, p part, dir string) (err error) {
	lock := flock.New(dir + ".lock")
	locked, err := lock.TryLock()
	if err == nil && !locked {
		s.options.Progress.Stage("waiting for another process, which makes the same component", 0)
		_, err = lock.TryLockContext(ctx, lockPoll)
	}
	if err != nil {
		return fmt.Errorf("wait for another process: %w", err)
	}
	defer lock.Unlock()
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	part := dir + ".part"
	// What a killed process has left. Go's own files are read-only, their directories are not.
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(part)) }()
	if err := p.make(ctx, part, s.options.Progress); err != nil {
		return err
	}
	s.options.Progress.Stage(fmt.Sprintf("%s %s is there", p.component.Name, p.component.Version), 1)
	if err := settle(part); err != nil {
		return err
	}
	return os.Rename(part, dir)
}

// settle gives the files modes that no umask decides, and writes them to the disk.
func settle(dir string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		return errors.Join(f.Chmod(0o755), f.Sync(), f.Close())
	})
}
