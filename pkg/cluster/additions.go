package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// flagPattern is the name of a flag as pflag and Go's flag package take it, without dashes in front.
var flagPattern = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]*$`)

// additions makes what the value at path, "" for the whole file, gives to machines.
func (r *resolver) additions(p string, given additions) Additions {
	return Additions{
		Overlays: r.overlays(join(p, "overlays"), given.Overlays),
		Butane:   r.butane(join(p, "butane"), given.Butane),
		Files:    r.files(join(p, "files"), given.Files),
		Units:    r.units(join(p, "units"), given.Units),
		Args:     r.args(join(p, "args"), given.Args),
		Path:     p,
	}
}

// roles makes the additions to the machines of each role.
func (r *resolver) roles(given map[string]additions) map[string]Additions {
	if given == nil {
		return nil
	}
	all := make(map[string]Additions, len(given))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		p := join("roles", name)
		r.report(p, checkLabel(name))
		all[name] = r.additions(p, given[name])
	}
	return all
}

func (r *resolver) overlays(p string, given []sourceText) []Overlay {
	var list []Overlay
	for i, name := range given {
		if name == "" {
			continue
		}
		dir, err := r.overlay(name)
		if r.report(at(p, i), err) {
			list = append(list, Overlay{Name: string(name), FS: dir, Path: at(p, i)})
		}
	}
	distinct(r, p, cleaned(given))
	return list
}

// overlay opens a directory, but does not look into it.
func (r *resolver) overlay(name sourceText) (fs.FS, error) {
	clean, err := r.locate(name)
	if err != nil {
		return nil, err
	}
	switch {
	case clean == ".":
		return nil, errors.New("the directory of the cluster file, with the cluster's keys in it, is no overlay; name one below it")
	case r.inBundle(clean):
		return nil, fmt.Errorf("%s holds the cluster's keys, and every machine would be given them", quote(string(name)))
	}
	for dir := clean; dir != "."; dir = path.Dir(dir) {
		// Not to be followed: it may lead to the cluster's keys.
		if info, err := fs.Lstat(r.sources, dir); err == nil && info.Mode().Type() == fs.ModeSymlink {
			return nil, fmt.Errorf("%s is a link; name the directory itself, which is to be below that of the cluster file", quote(dir))
		}
	}
	info, err := fs.Stat(r.sources, clean)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", quote(string(name)), cause(err))
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is no directory", quote(string(name)))
	}
	return fs.Sub(r.sources, clean)
}

func (r *resolver) butane(p string, given []sourceText) []Butane {
	var list []Butane
	for i, name := range given {
		if b := r.read(at(p, i), name); b != nil {
			list = append(list, Butane{Name: string(name), Content: b, Path: at(p, i)})
		}
	}
	distinct(r, p, cleaned(given))
	return list
}

// cleaned gives names such that those of one file are the same.
func cleaned(names []sourceText) []sourceText {
	list := make([]sourceText, len(names))
	for i, name := range names {
		if name != "" {
			list[i] = sourceText(path.Clean(string(name)))
		}
	}
	return list
}

// args makes the flags of each component, sorted by name.
func (r *resolver) args(p string, given args) map[string][]Arg {
	if given == nil {
		return nil
	}
	all := make(map[string][]Arg, len(given))
	for component, flags := range given {
		var list []Arg
		for _, name := range slices.Sorted(maps.Keys(flags)) {
			flag := join(join(p, component), name)
			if r.report(flag, checkFlag(name)) {
				list = append(list, Arg{Name: name, Value: string(flags[name]), Path: flag})
			}
		}
		all[component] = list
	}
	return all
}

// checkFlag tells what keeps a text from being the name of a flag.
func checkFlag(name string) error {
	bare := strings.TrimLeft(name, "-")
	switch {
	case flagPattern.MatchString(name):
		return nil
	case bare != name && flagPattern.MatchString(bare):
		return fmt.Errorf("the dashes in front are not written here; write %s", cut(bare))
	}
	return fmt.Errorf("%s is no name of a flag", quote(name))
}

// addons keeps none at all apart from an empty list.
func (r *resolver) addons(given []addonText) []Addon {
	if given == nil {
		return nil
	}
	list := make([]Addon, 0, len(given))
	for i, name := range given {
		p := at("addons", i)
		switch {
		case name == "":
		case strings.Contains(string(name), "/"):
			b := r.read(p, sourceText(name))
			if b == nil {
				continue
			}
			if err := checkManifests(b); err != nil {
				r.problems.Addf(p, "%s %v", quote(string(name)), err)
			}
			list = append(list, Addon{Name: string(name), Content: b, Path: p})
		case r.report(p, checkAddon(string(name))):
			list = append(list, Addon{Name: string(name), Path: p})
		}
	}
	distinct(r, "addons", given)
	return list
}

// checkManifests tells what keeps a file from being manifests in YAML (or JSON, which is YAML too), which would else be
// found by a master that has been switched on.
func checkManifests(content []byte) error {
	if len(content) == 0 {
		return errors.New("is empty")
	}
	d := yaml.NewDecoder(bytes.NewReader(content))
	for n := 0; ; {
		var document yaml.Node
		err := d.Decode(&document)
		if errors.Is(err, io.EOF) && n > 0 {
			return nil
		} else if errors.Is(err, io.EOF) {
			return errors.New("holds no manifest")
		} else if err != nil {
			return fmt.Errorf("is not well-formed: %w", err)
		}
		for _, root := range document.Content {
			if root.Tag == "!!null" {
				continue // two separators, or comments alone
			}
			if !hasKind(root) {
				return fmt.Errorf("holds in line %d what is no manifest: it has no kind", root.Line)
			}
			n++
		}
	}
}

func hasKind(manifest *yaml.Node) bool {
	if manifest.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(manifest.Content); i += 2 {
		if manifest.Content[i].Value == "kind" {
			return manifest.Content[i+1].Value != ""
		}
	}
	return false
}

func checkAddon(name string) error {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json":
		return fmt.Errorf("%s is no addon of a profile; a file of your own has a slash in it: ./%s", quote(name), cut(name))
	}
	return checkLabel(name)
}
