package plan

import (
	"slices"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

// cniPluginsVersion is the version of the plugins of the container network. They keep to the CNI's specification, which
// every runtime that there is goes by, so that nobody has to choose it.
const cniPluginsVersion = "1.9.1"

// newComponents gives the components that the profile names; the zero value for none.
func newComponents(spec *cluster.Spec, prof *profile.Profile, p *Plan) Components {
	var wanted []Component
	for _, name := range prof.Components {
		wanted = append(wanted, Component{Name: name, Version: p.componentVersion(name)})
	}
	for _, name := range prof.ImageComponents {
		if !slices.Contains(prof.Components, name) {
			wanted = append(wanted, Component{Name: name, Version: p.componentVersion(name), ImagesOnly: true})
		}
	}
	if len(wanted) == 0 {
		return Components{}
	}
	out := Components{Source: spec.Components.Source, Wanted: wanted}
	for _, a := range spec.Components.Archives {
		out.Archives = append(out.Archives, Archive(a))
	}
	return out
}

func (p *Plan) componentVersion(name string) string {
	switch name {
	case profile.ComponentKubernetes:
		return p.Kubernetes.Version.String()
	case profile.ComponentCNIPlugins:
		return cniPluginsVersion
	}
	return p.Settings[profile.VersionSetting(name)]
}

// components reports what the cluster file says of components where the profile has none.
func (c checker) components() {
	given := c.spec.Components
	if len(c.prof.Components)+len(c.prof.ImageComponents) == 0 && (given.Source != profile.SourceAuto || len(given.Archives) > 0) {
		c.problems.Addf("components", "profile %s has no components: its machines have all their programs from packages", c.prof.Name)
	}
}
