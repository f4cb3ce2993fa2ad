package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"
)

// ManifestName is the file at the top of an overlay that says of its files what a repository can not hold: modes,
// owners, links and empty directories. It is not itself part of the overlay.
//
//	files:
//	  usr/sbin/hello: {mode: "0755"}
//	directories:
//	  var/log/hello: {mode: "2755", group: adm}
//	links:
//	  etc/systemd/system/apt-daily.timer: /dev/null
//
// Modes are octal and quoted. Without a line a file is root's with mode 0644, a directory root's with 0755.
const ManifestName = "overlay.yaml"

type manifest struct {
	Files       map[string]attributes `yaml:"files"`
	Directories map[string]attributes `yaml:"directories"`
	Links       map[string]string     `yaml:"links"`
}

type attributes struct {
	Mode  string `yaml:"mode"`
	User  string `yaml:"user"`
	Group string `yaml:"group"`
}

// FromFS gives the tree of an overlay, which the origin names ("overlay site"); times are modTime. A file that its owner may execute has mode 0755, every other
// 0644, whatever umask it was made with; the rest of the metadata is declared in the overlay's ManifestName file.
//
// All that is wrong is reported at once: a device, socket or pipe, a setuid or setgid file, a link that leads out of
// the root, a line of the manifest for a file that is not there, and one for a link or directory that is also a file.
func FromFS(fsys fs.FS, modTime time.Time, origin string) (*Tree, error) {
	t, err := plainFiles(fsys, modTime, origin)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", origin, err)
	}
	m, err := readManifest(fsys)
	if err != nil {
		return nil, fmt.Errorf("read %s: %s: %w", origin, ManifestName, err)
	}
	if err := m.apply(t, modTime, origin); err != nil {
		return nil, fmt.Errorf("read %s: %s: %w", origin, ManifestName, err)
	}
	return t, nil
}

// plainFiles gives what is below the top with the default metadata.
func plainFiles(fsys fs.FS, modTime time.Time, origin string) (*Tree, error) {
	t := &Tree{}
	var errs []error
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if p == "." || p == ManifestName {
			return nil
		}
		n, err := plainNode(fsys, p, d, modTime, origin)
		if err != nil {
			errs = append(errs, err)
			return nil
		}
		return t.Add(n)
	})
	return t, errors.Join(append(errs, err)...)
}

// plainNode gives one entry of an overlay's directory.
func plainNode(fsys fs.FS, p string, d fs.DirEntry, modTime time.Time, origin string) (Node, error) {
	info, err := d.Info()
	if err != nil {
		return Node{}, err
	}
	switch {
	case d.IsDir():
		return Dir(p, 0o755, modTime, origin), nil
	case d.Type() == fs.ModeSymlink:
		target, err := fs.ReadLink(fsys, p)
		if err != nil {
			return Node{}, err
		}
		return Symlink(p, target, modTime, origin), checkLink(p, target)
	case !d.Type().IsRegular():
		return Node{}, fmt.Errorf("%s is a device, a pipe or a socket, which an overlay can not hold", p)
	case info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0:
		return Node{}, fmt.Errorf("%s is setuid or setgid: a mode that is meant is declared in %s", p, ManifestName)
	}
	n := Node{
		Path: p, Mode: 0o644, ModTime: modTime, Size: info.Size(), Origin: origin,
		Open: func() (io.ReadCloser, error) { return fsys.Open(p) },
	}
	if info.Mode()&0o100 != 0 {
		n.Mode = 0o755
	}
	return n, nil
}

// checkLink refuses a link that climbs above the root: on the machine it would end at the root, and where the overlay
// is worked with, it would lead somewhere else.
func checkLink(p, target string) error {
	if !path.IsAbs(target) && !fs.ValidPath(path.Join(path.Dir(p), target)) {
		return fmt.Errorf("the link %s leads out of the overlay, to %s", p, target)
	}
	return nil
}

func readManifest(fsys fs.FS) (manifest, error) {
	var m manifest
	b, err := fs.ReadFile(fsys, ManifestName)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&m); err != nil && !errors.Is(err, io.EOF) {
		return m, err
	}
	return m, nil
}

// apply lays the manifest over the files, and reports all that is wrong with it at once.
func (m manifest) apply(t *Tree, modTime time.Time, origin string) error {
	var errs []error
	for _, p := range slices.Sorted(maps.Keys(m.Files)) {
		n, ok := t.Get(p)
		if !ok || !n.Mode.IsRegular() {
			errs = append(errs, fmt.Errorf("files: there is no file %s", p))
			continue
		}
		errs = append(errs, m.Files[p].apply(&n), t.Add(n))
	}
	for _, p := range slices.Sorted(maps.Keys(m.Directories)) {
		n, ok := t.Get(p)
		if ok && !n.Mode.IsDir() {
			errs = append(errs, fmt.Errorf("directories: %s is a file", p))
			continue
		}
		if !ok {
			n = Dir(p, 0o755, modTime, origin)
		}
		errs = append(errs, m.Directories[p].apply(&n), t.Add(n))
	}
	for _, p := range slices.Sorted(maps.Keys(m.Links)) {
		if _, ok := t.Get(p); ok {
			errs = append(errs, fmt.Errorf("links: %s exists already", p))
			continue
		}
		errs = append(errs, checkLink(p, m.Links[p]), t.Add(Symlink(p, m.Links[p], modTime, origin)))
	}
	return errors.Join(errs...)
}

// apply gives the node what the manifest says of it.
func (a attributes) apply(n *Node) error {
	n.Owner.User, n.Owner.Group = a.User, a.Group
	if a.Mode == "" {
		return nil
	}
	bits, err := strconv.ParseUint(a.Mode, 8, 16)
	if err != nil || bits > 0o7777 {
		return fmt.Errorf("%s: mode %q is not an octal number up to 7777", n.Path, a.Mode)
	}
	n.Mode = n.Mode.Type() | modeOf(uint32(bits))
	return nil
}

// modeOf gives the permissions, setuid, setgid and sticky bit of chmod(2) as package io/fs has them.
func modeOf(bits uint32) fs.FileMode {
	m := fs.FileMode(bits & 0o777)
	for bit, mode := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if bits&bit != 0 {
			m |= mode
		}
	}
	return m
}
