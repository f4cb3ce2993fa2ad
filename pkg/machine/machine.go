// Package machine makes a machine's configuration: the profile's Butane templates, executed with the plan and the
// machine's own secrets, and what the user lays over them, translated to one Ignition config.
package machine

import (
	"fmt"
	"slices"
	"text/template"

	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/nodekiln/nodekiln/overlays"
	"github.com/nodekiln/nodekiln/pkg/pki"
	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
	"github.com/nodekiln/nodekiln/profiles"
)

// Templates that are there beside those of a role.
const (
	// identityTemplate is what every machine is given, whatever its profile.
	identityTemplate = "machine.bu"
	// commonTemplate of a profile, which may have none, is for all its machines.
	commonTemplate = "common.bu"
	// library are the files that all profiles share.
	library = "library"
)

// Configurer makes the configurations of a plan's machines. It can be used by many goroutines at once.
type Configurer struct {
	plan      *plan.Plan
	bundle    *pki.Bundle
	templates *template.Template
	// hosts is what grows with the number of machines, so it is made once, and not by a template for each.
	hosts hosts
	// overlays are the profile's, in their order.
	overlays []layer
	// userOverlays and userButane are those of the cluster file by their names in it.
	userOverlays map[string]layer
	userButane   map[string]string
}

// everyMachine is the origin of what every machine is given, whatever its profile.
const everyMachine = "every machine"

// layer is a part of a machine's configuration.
type layer struct {
	// origin says where it comes from, for people.
	origin string
	config types.Config
}

// NewConfigurer parses the templates and reads the overlays that the machines are made of.
func NewConfigurer(p *plan.Plan, prof *profile.Profile, bundle *pki.Bundle) (*Configurer, error) {
	p = withoutKeys(p)
	c := &Configurer{plan: p, bundle: bundle, hosts: newHosts(p, prof), userOverlays: map[string]layer{}, userButane: map[string]string{}}
	c.templates = template.New("").Option("missingkey=error").Funcs(functions{}.all())
	if err := parse(c.templates, prof.FS, "."); err != nil {
		return nil, fmt.Errorf("profile %s: %w", prof.Name, err)
	}
	for _, name := range []string{identityTemplate, library} {
		if err := parse(c.templates, profiles.FS, name); err != nil {
			return nil, err
		}
	}
	for _, name := range p.Overlays {
		l, err := embeddedOverlay(overlays.FS, name)
		if err != nil {
			return nil, err
		}
		c.overlays = append(c.overlays, l)
	}
	return c, c.readUsers()
}

// withoutKeys gives the plan as templates see it. The keys of authorities that the user brings are in the bundle, which
// gives them only to machines that sign.
func withoutKeys(p *plan.Plan) *plan.Plan {
	shown := *p
	shown.PKI.Authorities = slices.Clone(p.PKI.Authorities)
	for i := range shown.PKI.Authorities {
		shown.PKI.Authorities[i].Key = nil
	}
	return &shown
}

// Configure gives the Ignition config of one machine: what every machine is given, over it the profile's overlays, what
// the profile gives to all and to each of the machine's roles, and what the cluster file adds. Its error names the
// template, and not the machine.
func (c *Configurer) Configure(m plan.Machine) (types.Config, error) {
	layers, err := c.layers(m)
	if err != nil {
		return types.Config{}, err
	}
	cfg := layers[0].config
	for _, l := range layers[1:] {
		cfg = lay(cfg, l.config)
	}
	return cfg, checkNested(cfg, layers)
}

// Execute executes the templates of one machine, and leaves it to Configure to translate what they make: the machines
// of a rack differ in names and addresses, for which this is enough to tell whether a template fails. What the user's
// own Butane makes is translated: it may do for one machine what no other shows.
//
// It gives the components that the templates have given the flags to which the user has set for them.
func (c *Configurer) Execute(m plan.Machine) (map[string]bool, error) {
	e, err := c.forMachine(m)
	if err != nil {
		return nil, err
	}
	for _, part := range c.parts(e, m) {
		if part.template == "" {
			continue
		}
		var err error
		if part.users {
			_, err = translate(e.templates, part.template, e.data)
		} else {
			_, err = execute(e.templates, part.template, e.data)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part.origin, err)
		}
	}
	return e.taken, nil
}

// layers gives what a machine is made of, the lowest first.
func (c *Configurer) layers(m plan.Machine) ([]layer, error) {
	e, err := c.forMachine(m)
	if err != nil {
		return nil, err
	}
	parts := c.parts(e, m)
	layers := make([]layer, len(parts))
	for i, part := range parts {
		layers[i] = part.layer
		if part.template == "" {
			continue
		}
		if layers[i].config, err = translate(e.templates, part.template, e.data); err != nil {
			return nil, fmt.Errorf("%s: %w", part.origin, err)
		}
	}
	return layers, nil
}

// part is a layer that is there, or the name of the template that makes it.
type part struct {
	layer
	template string
	// users is whether the template is the user's Butane.
	users bool
}

// parts lists what a machine is made of, the lowest first.
func (c *Configurer) parts(e execution, m plan.Machine) []part {
	parts := []part{{layer: c.hosts.of(m)}, {layer: layer{origin: everyMachine}, template: identityTemplate}}
	for _, o := range c.overlays {
		parts = append(parts, part{layer: o})
	}
	names := []string{}
	if e.templates.Lookup(commonTemplate) != nil {
		names = append(names, commonTemplate)
	}
	for _, role := range m.Roles {
		names = append(names, role+".bu")
	}
	for _, name := range names {
		parts = append(parts, part{layer: layer{origin: "profile " + c.plan.Profile + ", " + name}, template: name})
	}
	for _, a := range m.Additions {
		for _, o := range a.Overlays {
			parts = append(parts, part{layer: c.userOverlays[o.Name]})
		}
		for _, b := range a.Butane {
			parts = append(parts, part{layer: layer{origin: "butane " + b.Name}, template: c.userButane[b.Name], users: true})
		}
		parts = append(parts, part{layer: layer{a.Origin, additions(a)}})
	}
	return parts
}

// lay merges one config over another as Ignition does, and what is of another kind at the same path replaces it.
func lay(under, over types.Config) types.Config {
	files, dirs, links := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, f := range over.Storage.Files {
		files[f.Path] = true
	}
	for _, d := range over.Storage.Directories {
		dirs[d.Path] = true
	}
	for _, l := range over.Storage.Links {
		links[l.Path] = true
	}
	s := under.Storage
	s.Files = slices.DeleteFunc(slices.Clone(s.Files), func(f types.File) bool { return dirs[f.Path] || links[f.Path] })
	s.Directories = slices.DeleteFunc(slices.Clone(s.Directories), func(d types.Directory) bool { return files[d.Path] || links[d.Path] })
	s.Links = slices.DeleteFunc(slices.Clone(s.Links), func(l types.Link) bool { return files[l.Path] || dirs[l.Path] })
	under.Storage = s
	return v3_4.Merge(under, over)
}
