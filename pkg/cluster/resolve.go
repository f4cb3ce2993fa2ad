package cluster

import (
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strings"
)

// resolver makes a Spec of a document, checking every value. A zero value in the document is one that is left out, or
// that the decoder has reported already, and passes.
type resolver struct {
	problems *Problems
	sources  fs.FS
	// name of the cluster, by which its keys are kept.
	name string
	// contents caches the sources that were read, by name, and unitFiles those of units.
	contents  map[string][]byte
	unitFiles map[sourceText]unitSource
}

func newResolver(problems *Problems, sources fs.FS, name string) *resolver {
	return &resolver{
		problems: problems, sources: sources, name: name,
		contents: map[string][]byte{}, unitFiles: map[sourceText]unitSource{},
	}
}

// spec is false where a name or range in the machines could not be read, so that their number is unknown.
func (r *resolver) spec(doc *document) (*Spec, bool) {
	s := &Spec{
		Name:       string(doc.Metadata.Name),
		Profile:    doc.Profile,
		Kubernetes: r.kubernetes(doc.Kubernetes),
		Network:    r.network(doc.Network),
		Registries: r.registries(doc.Registries),

		UserDataTarget: doc.UserData.Target,
		PKI:            r.pki(doc.PKI),
		Base:           r.base(doc.Base),
		Components:     r.components(doc.Components),
		Images:         r.images(doc.Images),
		Users:          r.users(doc.Users),
		source:         r.problems.source,
	}
	r.label("metadata.name", s.Name)
	s.AuthorizedKeys = r.authorizedKeys("ssh.authorizedKeys", doc.SSH.AuthorizedKeys)
	s.Settings = r.settings(doc.Settings)
	s.Addons = r.addons(doc.Addons)
	s.Additions = r.additions("", doc.additions)
	s.RoleAdditions = r.roles(doc.Roles)
	machines, whole := r.machines(doc.Machines, s.Network)
	s.Machines = machines
	r.disjoint(s)
	r.outside(s, doc.Network.DNS)
	r.endpoint(s, whole)
	if whole {
		r.roomForPods(s.Network.Pods, len(s.Machines))
	}
	r.apart(doc, s.PKI.Authorities)
	return s, whole
}

// report adds a problem where there is an error.
func (r *resolver) report(path string, err error) bool {
	if err != nil {
		r.problems.Addf(path, "%v", err)
	}
	return err == nil
}

func (r *resolver) label(path, name string) {
	if name != "" {
		r.report(path, checkLabel(name))
	}
}

func (r *resolver) base(b base) Base {
	for i, mirror := range b.Mirrors {
		if mirror != "" {
			r.report(at("base.mirrors", i), checkMirror(mirror))
		}
	}
	for i, name := range b.Packages {
		if name != "" && !packageName.MatchString(string(name)) {
			r.problems.Addf(at("base.packages", i), "%s is no name of a Debian package", quote(string(name)))
		}
	}
	distinct(r, "base.mirrors", b.Mirrors)
	distinct(r, "base.packages", b.Packages)
	return Base{Debian: b.Debian, Mirrors: b.Mirrors, Kernel: b.Kernel, Packages: texts(b.Packages)}
}

// checkMirror takes the URLs that apt does. It does not show one that holds a password.
func checkMirror(mirror string) error {
	u, err := url.Parse(mirror)
	switch {
	case err != nil || strings.Contains(mirror, " "):
		return fmt.Errorf("a mirror is one URL, as in http://deb.debian.org/debian")
	case u.User != nil:
		return fmt.Errorf("a mirror is given without user and password: images and logs would hold them")
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%s has a query or a fragment, which apt does not send", quote(mirror))
	case u.Scheme == "file" && u.Host == "" && path.IsAbs(u.Path):
		return nil
	case (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "":
		return nil
	}
	return fmt.Errorf("%s is no mirror; expected a URL with http://, https:// or file:///", quote(mirror))
}

func (r *resolver) settings(given settings) map[string]string {
	all := make(map[string]string, len(given))
	for name, value := range given {
		if !settingPattern.MatchString(name) {
			r.problems.Addf(join("settings", name), "%s is no name of a setting: letters and digits, beginning with a letter", quote(name))
		}
		all[name] = string(value)
	}
	return all
}

// at is the path of an item of a list.
func at(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// distinct reports each value that the list at path holds a second time.
func distinct[T ~string](r *resolver, path string, values []T) {
	first := make(map[T]int, len(values))
	for i, v := range values {
		if v == "" {
			continue
		}
		if j, twice := first[v]; twice {
			r.problems.Addf(at(path, i), "given twice (also %s)", at(path, j))
			continue
		}
		first[v] = i
	}
}

// texts takes values of a kind of text as strings, nil for none.
func texts[T ~string](values []T) []string {
	var list []string
	for _, v := range values {
		list = append(list, string(v))
	}
	return list
}
