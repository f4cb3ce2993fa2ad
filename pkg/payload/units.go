package payload

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/coreos/go-systemd/v22/unit"
	"github.com/coreos/ignition/v2/config/util"
	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// unitDir is where an administrator's units are, and unitDirs where units are looked for, the first found winning
// (systemd.unit(5), "System Unit Search Path").
const unitDir = "etc/systemd/system"

var unitDirs = []string{unitDir, "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"}

func (r *rootfs) units(cfg types.Config) error {
	for _, u := range cfg.Systemd.Units {
		if err := r.unit(u); err != nil {
			return fmt.Errorf("unit %s: %w", u.Name, err)
		}
	}
	return nil
}

func (r *rootfs) unit(u types.Unit) error {
	at := path.Join(unitDir, u.Name)
	if u.Contents != nil {
		if err := r.out.Add(tree.File(at, defaultFileMode, r.modTime, []byte(*u.Contents), origin)); err != nil {
			return err
		}
	}
	for _, d := range u.Dropins {
		n := tree.File(path.Join(at+".d", d.Name), defaultFileMode, r.modTime, []byte(str(d.Contents)), origin)
		if err := r.out.Add(n); err != nil {
			return err
		}
	}
	if util.IsTrue(u.Mask) {
		return r.out.Add(tree.Symlink(at, "/dev/null", r.modTime, origin))
	}
	if u.Enabled == nil {
		return nil
	}
	links, err := r.installLinks(u.Name)
	if err != nil {
		return err
	}
	for _, l := range links {
		if *u.Enabled {
			if err := r.out.Add(l); err != nil {
				return err
			}
		} else if r.exists(l.Path) {
			return fmt.Errorf("the base enables it and it can not be disabled; mask it")
		}
	}
	return nil
}

// installLinks gives the links that `systemctl enable` makes of the unit's [Install] section (systemd.unit(5)).
func (r *rootfs) installLinks(name string) ([]tree.Node, error) {
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
			switch o.Name {
			case "WantedBy":
				links = append(links, link(path.Join(v+".wants", name)))
			case "RequiredBy":
				links = append(links, link(path.Join(v+".requires", name)))
			case "Alias":
				links = append(links, link(v))
			case "Also":
				also, err := r.installLinks(v)
				if err != nil {
					return nil, fmt.Errorf("its Also=%s: %w", v, err)
				}
				links = append(links, also...)
			}
		}
	}
	if len(links) == 0 {
		return nil, fmt.Errorf("/%s has no [Install] section that says where to enable it", at)
	}
	return links, nil
}

// readUnit finds a unit file in the tree or in the base. An instance is its template's file.
func (r *rootfs) readUnit(name string) (at string, content []byte, err error) {
	file := name
	if prefix, _, ok := strings.Cut(name, "@"); ok {
		file = prefix + "@" + path.Ext(name)
	}
	if n, ok := r.out.Get(path.Join(unitDir, file)); ok {
		b, err := n.Content()
		return n.Path, b, err
	}
	if r.base == nil {
		return "", nil, fmt.Errorf("it has no contents, and there is no base to find it in")
	}
	for _, dir := range unitDirs {
		at := path.Join(dir, file)
		if b, err := fs.ReadFile(r.base, at); err == nil {
			return at, b, nil
		}
	}
	return "", nil, fmt.Errorf("it has no contents, and the base has no such unit")
}
