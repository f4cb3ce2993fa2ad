package payload

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/coreos/go-systemd/v22/unit"
	"github.com/coreos/ignition/v2/config/util"
	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

const (
	// unitDir is where an administrator's units are.
	unitDir = "etc/systemd/system"
	// maskTarget is what the link in the place of a masked unit leads to: systemctl(1), "mask".
	maskTarget = "/dev/null"
)

// unitDirs are where units are looked for, the first found winning: systemd.unit(5), "System Unit Search Path".
func unitDirs() [4]string {
	return [...]string{unitDir, "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"}
}

var errNoUnit = errors.New("it has no contents")

// ErrNoBase is the error of a unit that only a base could have, where there is none. Others that are wrong are told
// before it.
var ErrNoBase = errors.New("there is no base to find it in; 'nodekiln build' makes one")

// units writes all units before it enables one, for that can need others.
func (r *rootfs) units(cfg types.Config) error {
	var unfound []error
	for _, step := range []func(types.Unit) error{r.writeUnit, r.mask, r.setEnabled} {
		for _, u := range cfg.Systemd.Units {
			err := step(u)
			if err != nil {
				err = fmt.Errorf("unit %s: %w", u.Name, err)
			}
			if errors.Is(err, ErrNoBase) {
				unfound = append(unfound, err)
			} else if err != nil {
				return err
			}
		}
	}
	return errors.Join(unfound...)
}

// writeUnit writes a unit and its drop-ins, but not those without contents.
func (r *rootfs) writeUnit(u types.Unit) error {
	at := path.Join(unitDir, u.Name)
	if str(u.Contents) != "" {
		if err := r.add(tree.File(at, defaultFileMode, r.modTime, []byte(*u.Contents), origin)); err != nil {
			return err
		}
	}
	for _, d := range u.Dropins {
		if d.Contents == nil {
			continue
		}
		n := tree.File(path.Join(at+".d", d.Name), defaultFileMode, r.modTime, []byte(*d.Contents), origin)
		if err := r.add(n); err != nil {
			return err
		}
	}
	return nil
}

// mask puts the mask in the place of a unit, also of one that the config has contents for.
func (r *rootfs) mask(u types.Unit) error {
	if u.Mask == nil {
		return nil
	}
	at := path.Join(unitDir, u.Name)
	if *u.Mask {
		return r.add(tree.Symlink(at, maskTarget, r.modTime, origin))
	}
	n, _, err := r.at(at)
	if err == nil && n.Target == maskTarget {
		err = errors.New("the base masks it, and what the base has can not be removed; give it contents")
	}
	return err
}

func (r *rootfs) setEnabled(u types.Unit) error {
	switch {
	case u.Enabled == nil || util.IsTrue(u.Mask):
		return nil
	case *u.Enabled:
		return r.enable(u.Name)
	}
	return r.checkDisabled(u.Name)
}

// enable makes the links that `systemctl enable` makes.
func (r *rootfs) enable(name string) error {
	at, _, err := r.readUnit(name)
	if err != nil {
		return err
	}
	links, err := r.installLinks(name, map[string]bool{})
	if err != nil {
		return err
	}
	if len(links) == 0 {
		return fmt.Errorf("/%s has no [Install] section that says where to enable it", at)
	}
	for _, l := range links {
		if err := r.add(l); err != nil {
			return err
		}
	}
	return nil
}

// checkDisabled refuses a unit that the base enables. One that is not there, or that can not be enabled, is disabled.
func (r *rootfs) checkDisabled(name string) error {
	links, err := r.installLinks(name, map[string]bool{})
	if errors.Is(err, errNoUnit) {
		return nil
	} else if err != nil {
		return err
	}
	for _, l := range links {
		if _, there, err := r.at(l.Path); err != nil {
			return err
		} else if there {
			return fmt.Errorf("it is enabled by /%s, which can not be removed; mask it", l.Path)
		}
	}
	return nil
}

// installLinks gives the links that the unit's [Install] section asks for, and those of the units that it names to be
// enabled with it (systemd.unit(5)). Units that are in seen are left out.
func (r *rootfs) installLinks(name string, seen map[string]bool) ([]tree.Node, error) {
	if seen[name] {
		return nil, nil
	}
	seen[name] = true
	at, content, err := r.readUnit(name)
	if err != nil {
		return nil, err
	}
	options, err := unit.DeserializeOptions(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("parse /%s: %w", at, err)
	}
	link := func(p string) tree.Node { return tree.Symlink(path.Join(unitDir, p), "/"+at, r.modTime, origin) }
	var links []tree.Node
	for _, o := range options {
		if o.Section != "Install" {
			continue
		}
		for _, v := range strings.Fields(o.Value) {
			if strings.Contains(v, "%") {
				return nil, fmt.Errorf("/%s: %s=%s: specifiers can not be baked", at, o.Name, v)
			}
			switch o.Name {
			case "WantedBy":
				links = append(links, link(path.Join(v+".wants", name)))
			case "RequiredBy":
				links = append(links, link(path.Join(v+".requires", name)))
			case "Alias":
				links = append(links, link(v))
			case "Also":
				also, err := r.installLinks(v, seen)
				if err != nil {
					return nil, fmt.Errorf("its Also=%s: %w", v, err)
				}
				links = append(links, also...)
			}
		}
	}
	return links, nil
}

// readUnit finds a unit file in the tree or in the base. An instance is its template's file.
func (r *rootfs) readUnit(name string) (at string, content []byte, err error) {
	file := name
	if prefix, instance, ok := strings.Cut(name, "@"); ok {
		if strings.HasPrefix(instance, ".") {
			return "", nil, errors.New("it is a template; name an instance of it")
		}
		file = prefix + "@" + path.Ext(name)
	}
	if n, ok := r.out.Get(path.Join(unitDir, file)); ok {
		b, err := n.Content()
		return n.Path, b, err
	}
	if r.base == nil {
		return "", nil, fmt.Errorf("%w, and %w", errNoUnit, ErrNoBase)
	}
	for _, dir := range unitDirs() {
		at := path.Join(dir, file)
		if n, there, err := r.at(at); err != nil {
			return "", nil, err
		} else if !there || n.Target == maskTarget {
			continue
		}
		b, err := fs.ReadFile(r.base, at)
		if err != nil {
			return "", nil, fmt.Errorf("read it in the base: %w", err)
		}
		return at, b, nil
	}
	return "", nil, fmt.Errorf("%w, and the base has no such unit", errNoUnit)
}
