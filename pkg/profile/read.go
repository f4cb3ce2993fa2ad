package profile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Read loads a profile from its directory and checks that it is whole. Its error is one line that names all problems,
// those of the YAML with their lines.
func Read(dir fs.FS) (*Profile, error) {
	b, err := fs.ReadFile(dir, fileName)
	if err != nil {
		return nil, fmt.Errorf("read profile: %w", err)
	}
	p := &Profile{FS: dir}
	problems, err := p.decode(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fileName, err)
	}
	problems = append(problems, p.check()...)
	if len(problems) > 0 {
		return nil, errors.New(strings.Join(problems, "; "))
	}
	return p, nil
}

// packageName is what a package of Debian may be called (Debian policy, 5.6.7).
var packageName = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)

// misfit is how package yaml tells of a value or key that does not fit.
var misfit = regexp.MustCompile(`^line (\d+): (.*?)(?: in type \S+)?$`)

// decode reads the one YAML document of a profile. Keys that are not known are among the problems.
func (p *Profile) decode(b []byte) (problems []string, err error) {
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	err = dec.Decode(p)
	var misfits *yaml.TypeError
	if errors.As(err, &misfits) {
		for _, m := range misfits.Errors {
			problems = append(problems, misfit.ReplaceAllString(m, fileName+":$1: $2"))
		}
	} else if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := dec.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		problems = append(problems, fileName+": it is more than one YAML document")
	}
	return problems, nil
}

func (p *Profile) check() []string {
	var problems []string
	bad := func(format string, args ...any) {
		problems = append(problems, fmt.Sprintf(fileName+": "+format, args...))
	}
	if p.Name == "" {
		bad("name: missing")
	}
	for _, name := range slices.Sorted(maps.Keys(p.Roles)) {
		if _, err := fs.Stat(p.FS, name+".bu"); err != nil {
			bad("roles.%s: its template %s.bu is missing", name, name)
		}
		for _, port := range slices.Sorted(maps.Keys(p.Roles[name].Ports)) {
			n := p.Roles[name].Ports[port]
			if n < 1 || n > 65535 {
				bad("roles.%s.ports.%s: there is no port %d", name, port, n)
			}
			if port == SSHPortName || n == SSHPort {
				bad("roles.%s.ports.%s: every machine has port %d as %s already", name, port, SSHPort, SSHPortName)
			}
		}
	}
	for _, r := range p.DefaultRoles {
		if _, ok := p.Roles[r]; !ok {
			bad("defaultRoles: no role is called %q", r)
		}
	}
	for i, name := range p.Packages {
		if !packageName.MatchString(name) {
			bad("packages[%d]: %q is no name of a package", i, name)
		}
	}
	for i, c := range p.Certificates {
		for _, problem := range p.checkCertificate(c) {
			bad("certificates[%d].%s", i, problem)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Settings)) {
		if err := p.Settings[name].Check(p.Settings[name].Default); err != nil {
			bad("settings.%s.default: %v", name, err)
		}
	}
	return problems
}

func (p *Profile) checkCertificate(c Certificate) (problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if !slices.ContainsFunc(p.Authorities, func(a Authority) bool { return a.Name == c.Authority }) {
		bad("authority: no authority is called %q", c.Authority)
	}
	if _, ok := p.Roles[c.Role]; !ok && c.Role != "" {
		bad("role: no role is called %q", c.Role)
	}
	if c.Role == "" && c.CommonName == "" {
		bad("commonName: the operator's certificate needs one")
	}
	if len(c.Usages) == 0 {
		bad("usages: missing")
	}
	for _, u := range c.Usages {
		if u != UsageServer && u != UsageClient {
			bad("usages: %q is neither %s nor %s", u, UsageServer, UsageClient)
		}
	}
	return problems
}
