package plan

import (
	"maps"
	"slices"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/kube"
)

// layers are the additions that machines share.
type layers struct {
	spec   *cluster.Spec
	common Additions
	roles  map[string]Additions
}

func newLayers(spec *cluster.Spec) layers {
	l := layers{spec: spec, common: newAdditions(spec, spec.Additions), roles: map[string]Additions{}}
	for role, a := range spec.RoleAdditions {
		l.roles[role] = newAdditions(spec, a)
	}
	return l
}

// of gives the additions to a machine in the order in which they are laid over each other: the more special over the
// more general.
func (l layers) of(m cluster.Machine, roles []string) []Additions {
	all := []Additions{l.common}
	for _, r := range roles {
		all = append(all, l.roles[r])
	}
	all = append(all, newAdditions(l.spec, m.Additions))
	return slices.DeleteFunc(all, Additions.empty)
}

func (a Additions) empty() bool {
	return len(a.Overlays)+len(a.Butane)+len(a.Files)+len(a.Units)+len(a.Args) == 0
}

func newAdditions(spec *cluster.Spec, a cluster.Additions) Additions {
	out := Additions{Origin: spec.At(a.Path).String()}
	for _, o := range a.Overlays {
		out.Overlays = append(out.Overlays, Overlay(o))
	}
	for _, b := range a.Butane {
		out.Butane = append(out.Butane, Butane(b))
	}
	for _, f := range a.Files {
		out.Files = append(out.Files, File(f))
	}
	for _, u := range a.Units {
		out.Units = append(out.Units, Unit(u))
	}
	for _, component := range slices.Sorted(maps.Keys(a.Args)) {
		if out.Args == nil {
			out.Args = map[string][]kube.Arg{}
		}
		for _, arg := range a.Args[component] {
			out.Args[component] = append(out.Args[component], kube.Arg{Name: arg.Name, Value: arg.Value})
		}
	}
	return out
}

// Args gives the flags that the user sets for a component on this machine. Where several additions set one, the last
// wins; a list within one addition is kept whole.
func (m Machine) Args(component string) []kube.Arg {
	var out []kube.Arg
	for _, a := range m.Additions {
		over := a.Args[component]
		out = slices.DeleteFunc(out, func(old kube.Arg) bool {
			return slices.ContainsFunc(over, func(n kube.Arg) bool { return n.Name == old.Name })
		})
		out = append(out, over...)
	}
	return out
}
