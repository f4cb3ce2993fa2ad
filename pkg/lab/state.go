package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/nodekiln/nodekiln/pkg/tool"
)

// openStateDir gives the absolute path of the state directory, and whether it is a temporary one.
func openStateDir(dir string) (path string, temporary bool, err error) {
	if dir == "" {
		removeLeftovers()
		if path, err = os.MkdirTemp("", temporaryPattern); err != nil {
			return "", false, fmt.Errorf("make a directory for the lab's state: %w", err)
		}
		return path, true, nil
	}
	if path, err = filepath.Abs(dir); err == nil {
		err = os.MkdirAll(path, 0o700)
	}
	if err != nil {
		return "", false, fmt.Errorf("make the state directory %s: %w", dir, err)
	}
	return path, false, nil
}

// lockDir takes the directory for this process alone, until the file is closed.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("lock the state directory: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("%s: another nodekiln runs machines there; wait for it to end", dir)
	}
	return nil, fmt.Errorf("lock the state directory %s: %w", dir, err)
}

// identity is what an image is known by, so that what was written on top of it is not used on top of another one.
type identity struct {
	Path   string `json:"path"`
	Format string `json:"format"`
	// Size in bytes, and Modified in nanoseconds since 1970.
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"`
	Digest   string `json:"digest,omitempty"`
}

func identify(m Machine) (identity, error) {
	path, err := filepath.Abs(m.Disk)
	if err != nil {
		return identity{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return identity{}, err
	}
	return identity{Path: path, Format: m.Format, Size: info.Size(), Modified: info.ModTime().UnixNano(), Digest: m.Digest}, nil
}

func (i identity) same(other identity) bool {
	if i.Format != other.Format {
		return false
	}
	if i.Digest != "" && other.Digest != "" {
		return i.Digest == other.Digest
	}
	return i.Size == other.Size && i.Modified == other.Modified
}

// disk is the overlay that takes a machine's writes, and the record of the image that it lies on.
type disk struct {
	overlay, record string
}

func diskIn(dir, machine string) disk {
	return disk{overlay: filepath.Join(dir, machine+".qcow2"), record: filepath.Join(dir, machine+".image.json")}
}

// open continues the overlay that is there, or makes an empty one. With fresh it always makes one.
func (d disk) open(ctx context.Context, m Machine, fresh bool) error {
	image, err := identify(m)
	if err != nil {
		return fmt.Errorf("examine the image: %w", err)
	}
	_, err = os.Stat(d.overlay)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && fresh:
		return d.create(ctx, image)
	case err != nil:
		return fmt.Errorf("examine the machine's state: %w", err)
	}
	return d.resume(ctx, image)
}

func (d disk) create(ctx context.Context, image identity) error {
	// The old overlay goes first and the record comes before the new one, so that no overlay ever lies beside the record
	// of an image that is not its own.
	if err := removeIfThere(d.overlay); err != nil {
		return fmt.Errorf("forget the machine's state: %w", err)
	}
	if err := d.writeRecord(image); err != nil {
		return err
	}
	temp := d.overlay + ".partial"
	lay := tool.Cmd{Name: "qemu-img", Args: []string{
		"create", "-q", "-f", "qcow2", "-F", image.Format, "-b", image.Path, temp,
	}}
	err := lay.Run(ctx)
	if err == nil {
		// The guest writes its secrets to it.
		err = os.Chmod(temp, 0o600)
	}
	if err != nil {
		return fmt.Errorf("lay an overlay on the image %s: %w", image.Path, errors.Join(err, removeIfThere(temp)))
	}
	return giveName(temp, d.overlay)
}

func (d disk) resume(ctx context.Context, image identity) error {
	b, err := os.ReadFile(d.record)
	if err != nil {
		return fmt.Errorf("read which image the state belongs to (--fresh starts without it): %w", err)
	}
	var old identity
	if err := json.Unmarshal(b, &old); err != nil {
		return fmt.Errorf("read which image the state belongs to (--fresh starts without it): %s: %w", d.record, err)
	}
	if !old.same(image) {
		return fmt.Errorf("the image %s has changed since the machine wrote its state %s, which is of no use on another one: give --fresh to forget it",
			image.Path, d.overlay)
	}
	if old.Path == image.Path {
		return nil
	}
	// The same image has moved. Nothing but its name is changed in the overlay.
	move := tool.Cmd{Name: "qemu-img", Args: []string{"rebase", "-q", "-u", "-F", image.Format, "-b", image.Path, d.overlay}}
	if err := move.Run(ctx); err != nil {
		return fmt.Errorf("follow the image to %s: %w", image.Path, err)
	}
	return d.writeRecord(image)
}

func (d disk) writeRecord(image identity) error {
	b, err := json.Marshal(image)
	if err != nil {
		return err
	}
	temp := d.record + ".partial"
	if err := os.WriteFile(temp, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("record the image of the state: %w", err)
	}
	return giveName(temp, d.record)
}

// giveName gives a finished file its name, so that it is there whole or not at all, even after a power cut.
func giveName(temp, name string) error {
	err := syncFile(temp)
	if err == nil {
		err = os.Rename(temp, name)
	}
	if err == nil {
		err = syncFile(filepath.Dir(name))
	}
	if err != nil {
		return fmt.Errorf("finish %s: %w", name, err)
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// copyFile makes a private copy of a file, in the place of an older one.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	temp := to + ".partial"
	out, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		return errors.Join(err, removeIfThere(temp))
	}
	return giveName(temp, to)
}
