package machine

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"text/template"
	"time"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/vincent-petithory/dataurl"

	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// AdditionError is what is wrong with an overlay or Butane template of the cluster file itself, whatever the machine.
type AdditionError struct {
	// Path of the entry in the cluster file, as in overlays[0].
	Path string
	Err  error
}

func (e *AdditionError) Error() string { return e.Err.Error() }

// Unwrap gives the error without its place.
func (e *AdditionError) Unwrap() error { return e.Err }

// readUsers reads the overlays and Butane templates of the cluster file, each once for all machines.
func (c *Configurer) readUsers() error {
	var errs []error
	for _, m := range c.plan.Machines {
		for _, a := range m.Additions {
			for _, o := range a.Overlays {
				if _, ok := c.userOverlays[o.Name]; ok {
					continue
				}
				l, err := overlay(o.FS, "overlay "+o.Name)
				if err != nil {
					errs = append(errs, &AdditionError{o.Path, err})
				}
				c.userOverlays[o.Name] = l
			}
			for _, b := range a.Butane {
				if _, ok := c.userButane[b.Name]; ok {
					continue
				}
				// No template of a profile begins so.
				name := "./" + path.Clean(b.Name)
				if err := c.parseUsers(name, b.Content); err != nil {
					errs = append(errs, &AdditionError{b.Path, err})
				}
				c.userButane[b.Name] = name
			}
		}
	}
	return errors.Join(errs...)
}

// parseUsers adds a user's template. What it defines in the place of another template would be that on machines, too, that
// have no part in it.
func (c *Configurer) parseUsers(name string, content []byte) error {
	t, err := template.New(name).Option("missingkey=error").Funcs(functions{}.all()).Parse(string(content))
	if err != nil {
		return fmt.Errorf("parse template: %w", err)
	}
	var errs []error
	for _, defined := range t.Templates() {
		if c.templates.Lookup(defined.Name()) != nil {
			errs = append(errs, fmt.Errorf("%s defines the template %q, which there is already; give it another name", name, defined.Name()))
			continue
		}
		_, err := c.templates.AddParseTree(defined.Name(), defined.Tree)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func embeddedOverlay(all fs.FS, name string) (layer, error) {
	sub, err := fs.Sub(all, name)
	if err != nil {
		return layer{}, err
	}
	return overlay(sub, "overlay "+name)
}

// maxOverlayFile bounds one file of an overlay in bytes: twice the largest programs of Kubernetes and more.
const maxOverlayFile = 512 << 20

// overlay makes a layer of a directory's files.
func overlay(fsys fs.FS, origin string) (layer, error) {
	// An Ignition config has no times.
	t, err := tree.FromFS(fsys, time.Time{}, origin)
	if err != nil {
		return layer{}, err
	}
	cfg := types.Config{Ignition: types.Ignition{Version: types.MaxVersion.String()}}
	var errs []error
	for _, n := range t.Nodes() {
		node := types.Node{Path: "/" + n.Path, User: types.NodeUser{Name: name(n.Owner.User)}, Group: types.NodeGroup{Name: name(n.Owner.Group)}}
		mode := int(n.UnixMode() & 0o7777)
		switch {
		case n.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 && n.Mode.IsRegular():
			errs = append(errs, fmt.Errorf("%s: %s is setuid or setgid, and whoever runs it would become another; a package of the base can bring such a file", origin, n.Path))
		case n.Mode.IsRegular() && n.Size > maxOverlayFile:
			errs = append(errs, fmt.Errorf("%s: %s has %d bytes, and a file of an overlay, which is held in memory, can have %d", origin, n.Path, n.Size, int64(maxOverlayFile)))
		case n.Mode.IsRegular():
			content, err := n.Content()
			errs = append(errs, err)
			if n.Mode&0o004 != 0 && bytes.Contains(content, []byte("PRIVATE KEY-----")) {
				errs = append(errs, fmt.Errorf("%s: %s holds a private key that everyone on the machine could read; give it a mode such as \"0600\" in %s", origin, n.Path, tree.ManifestName))
			}
			node.Overwrite = new(true)
			cfg.Storage.Files = append(cfg.Storage.Files, newFile(node, content, mode))
		case n.Mode.IsDir():
			cfg.Storage.Directories = append(cfg.Storage.Directories, types.Directory{Node: node, DirectoryEmbedded1: types.DirectoryEmbedded1{Mode: &mode}})
		default:
			node.Overwrite = new(true)
			cfg.Storage.Links = append(cfg.Storage.Links, types.Link{Node: node, LinkEmbedded1: types.LinkEmbedded1{Target: &n.Target}})
		}
	}
	return layer{origin, cfg}, errors.Join(errs...)
}

// additions makes a config of the files and units that a cluster file adds.
func additions(a plan.Additions) types.Config {
	cfg := types.Config{Ignition: types.Ignition{Version: types.MaxVersion.String()}}
	for _, f := range a.Files {
		node := types.Node{Path: f.Path, Overwrite: new(true), User: types.NodeUser{Name: name(f.User)}, Group: types.NodeGroup{Name: name(f.Group)}}
		cfg.Storage.Files = append(cfg.Storage.Files, newFile(node, f.Content, int(f.Mode)))
	}
	for _, u := range a.Units {
		unit := types.Unit{Name: u.Name, Enabled: u.Enabled}
		if u.Mask {
			unit.Mask = &u.Mask
		}
		if u.Content != "" {
			unit.Contents = &u.Content
		}
		for _, d := range slices.Sorted(maps.Keys(u.DropIns)) {
			unit.Dropins = append(unit.Dropins, types.Dropin{Name: d, Contents: new(u.DropIns[d])})
		}
		cfg.Systemd.Units = append(cfg.Systemd.Units, unit)
	}
	return cfg
}

func newFile(node types.Node, content []byte, mode int) types.File {
	return types.File{Node: node, FileEmbedded1: types.FileEmbedded1{
		Mode: &mode, Contents: types.Resource{Source: new(dataurl.EncodeBytes(content))},
	}}
}

// name gives the owner's name, and nil for root, whom Ignition takes by default.
func name(account string) *string {
	if account == "" || account == "root" {
		return nil
	}
	return &account
}
