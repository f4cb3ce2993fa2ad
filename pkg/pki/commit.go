package pki

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"
)

// syncs is how many files are synced at a time. A journaling file system commits what waits together in one go, so
// many at a time cost little more than one.
const syncs = 32

// file is one that a bundle is to get.
type file struct {
	path    string
	content []byte
	mode    fs.FileMode
	// replaces is whether the bundle has the file already, and of other content: a certificate that is renewed.
	replaces bool
}

// changes are the files that a bundle is to get, by the step that they get their names in.
type changes struct {
	ids, secrets, previous, authorities, public []file
}

func (c *changes) add(d changes) {
	c.ids = append(c.ids, d.ids...)
	c.secrets = append(c.secrets, d.secrets...)
	c.previous = append(c.previous, d.previous...)
	c.authorities = append(c.authorities, d.authorities...)
	c.public = append(c.public, d.public...)
}

// commit adds files to the bundle.
//
// All are written and synced under temporary names first, each for itself: were only directories synced, a loss of
// power could leave a name on the disk whose content never got there. The directories are then synced once for each
// step and not once for each file, for nothing depends on the order of names within a step.
func (s *store) commit(c changes) (err error) {
	steps := [][]file{c.ids, c.secrets, c.previous, c.authorities, c.public}
	all := slices.Concat(steps...)
	if len(all) == 0 {
		return nil
	}
	if err := s.makeDir(stagingDir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.discardStaged()) }()
	var group errgroup.Group
	group.SetLimit(syncs)
	for i, f := range all {
		group.Go(func() error { return s.stage(staged(i), f) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	first := 0
	for _, step := range steps {
		if err := s.publish(step, first); err != nil {
			return err
		}
		first += len(step)
	}
	return nil
}

// staged gives the temporary name of the i-th file of a commit. It lies in a directory of its own, on the same file
// system, so that what an interruption leaves behind is found and deleted without a search.
func staged(i int) string { return path.Join(stagingDir, strconv.Itoa(i)) }

// discardStaged deletes what an interrupted commit left behind. The lock must be held.
func (s *store) discardStaged() error {
	// Where there is nothing to delete, a bundle that is complete may as well be on a read-only medium.
	if _, err := s.root.Lstat(stagingDir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := s.root.RemoveAll(stagingDir); err != nil {
		return fmt.Errorf("delete %s: %w", s.name(stagingDir), err)
	}
	return nil
}

// stage writes a file under a temporary name, and to the disk.
func (s *store) stage(as string, f file) error {
	w, err := s.root.OpenFile(as, os.O_CREATE|os.O_EXCL|os.O_WRONLY, secretMode)
	if err != nil {
		return fmt.Errorf("write %s: %w", s.name(f.path), err)
	}
	_, err = w.Write(f.content)
	// The mode is set apart from the creation because the umask has no say in it.
	if err = errors.Join(err, w.Chmod(f.mode), w.Sync(), w.Close()); err != nil {
		return fmt.Errorf("write %s: %w", s.name(f.path), err)
	}
	return nil
}

// publish gives the staged files from first on their names, and gets these to the disk.
func (s *store) publish(step []file, first int) error {
	touched := map[string]bool{}
	for i, f := range step {
		for dir := path.Dir(f.path); !touched[dir]; dir = path.Dir(dir) {
			touched[dir] = true
		}
		if err := s.makeDir(path.Dir(f.path)); err != nil {
			return err
		}
		if _, err := s.root.Lstat(f.path); !f.replaces && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: has appeared while it was being issued: %w", s.name(f.path), cmp.Or(err, fs.ErrExist))
		}
		if err := s.rename(s.root, staged(first+i), f.path); err != nil {
			return fmt.Errorf("write %s: %w", s.name(f.path), err)
		}
	}
	var group errgroup.Group
	group.SetLimit(syncs)
	for dir := range touched {
		group.Go(func() error {
			if err := syncDir(s.root.Open(dir)); err != nil {
				return fmt.Errorf("write %s: %w", s.name(dir), err)
			}
			return nil
		})
	}
	return group.Wait()
}

// makeDir makes a directory, and those it lies in, where they are missing.
func (s *store) makeDir(dir string) error {
	err := s.root.Mkdir(dir, dirMode)
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.makeDir(path.Dir(dir)); err != nil {
			return err
		}
		err = s.root.Mkdir(dir, dirMode)
	}
	switch {
	case err == nil:
		err = s.root.Chmod(dir, dirMode)
	case errors.Is(err, fs.ErrExist):
		err = nil
	}
	if err != nil {
		return fmt.Errorf("create %s: %w", s.name(dir), err)
	}
	return nil
}

// syncDir gets the names in a directory to the disk, and closes it. It takes what opening the directory gave.
func syncDir(dir *os.File, err error) error {
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
