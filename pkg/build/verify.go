package build

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Verify tells which of the images in the directory are missing, and which are not as they were built. Whoever boots a
// machine from an overlay trusts each block of two files, and what the machine then writes is worth nothing on others.
// A standalone image, which takes long to read, only has to be there.
func (m *Manifest) Verify(dir string) error {
	var errs []error
	base := false
	for _, i := range m.Machines {
		if i.Backing == "" {
			errs = append(errs, present(filepath.Join(dir, i.File)))
			continue
		}
		base = true
		errs = append(errs, i.verify(dir))
	}
	if base {
		errs = append(errs, m.Base.verify(dir))
	}
	return errors.Join(errs...)
}

// verify compares the digest of an image.
func (f ImageFile) verify(dir string) error {
	path := filepath.Join(dir, f.File)
	if err := present(path); err != nil {
		return err
	}
	sum, err := hashFile(path)
	if err != nil {
		return err
	}
	if hex.EncodeToString(sum) != f.SHA256 {
		return fmt.Errorf("%s is not as it was built; 'nodekiln build --force' makes it anew", path)
	}
	return nil
}

func present(path string) error {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is gone; 'nodekiln build' makes it anew", path)
	}
	return err
}
