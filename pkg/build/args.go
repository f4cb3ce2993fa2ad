package build

import (
	"maps"
	"slices"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/machine"
	"github.com/nodekiln/nodekiln/pkg/plan"
)

// checkArgs reports flags of components that none of the machines runs which are given them.
func checkArgs(spec *cluster.Spec, p *plan.Plan, c *machine.Configurer, problems *cluster.Problems) {
	type flags struct{ origin, component string }
	taken, seen := map[flags]bool{}, map[string]bool{}
	for _, m := range p.Machines {
		hasArgs := func(a plan.Additions) bool { return len(a.Args) > 0 }
		alike := likeness(m)
		if seen[alike] || !slices.ContainsFunc(m.Additions, hasArgs) {
			continue
		}
		seen[alike] = true
		takes, err := c.Execute(m)
		if err != nil {
			problems.Addf("", "%s: %v", m.Name, err)
			return
		}
		for _, a := range m.Additions {
			for component := range a.Args {
				at := flags{a.Origin, component}
				taken[at] = taken[at] || takes[component]
			}
		}
	}
	check := func(a cluster.Additions, prefix string) {
		for _, component := range slices.Sorted(maps.Keys(a.Args)) {
			if !taken[flags{spec.At(a.Path).String(), component}] {
				problems.Addf(prefix+"args."+component, "none of the machines that are given these flags has a %s that takes flags", component)
			}
		}
	}
	check(spec.Additions, "")
	for _, role := range slices.Sorted(maps.Keys(spec.RoleAdditions)) {
		check(spec.RoleAdditions[role], "roles."+role+".")
	}
	checked := map[string]bool{} // machines of a range share what they are given
	for _, m := range spec.Machines {
		if !checked[m.Path] {
			checked[m.Path] = true
			check(m.Additions, m.Path+".")
		}
	}
}
