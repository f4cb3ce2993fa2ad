package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

// checker reports what in a cluster file does not go with its profile.
type checker struct {
	spec     *cluster.Spec
	prof     *profile.Profile
	problems *cluster.Problems
	// holders are how many machines have a role.
	holders map[string]int
	// roles that the profile has, sorted.
	roles []string
}

// Check reports what in a cluster file does not go with the profile: roles, settings, addons and authorities that it
// does not have, voting roles with a number of machines that can not serve, and what its version of Kubernetes can not
// do.
func Check(spec *cluster.Spec, prof *profile.Profile, problems *cluster.Problems) {
	c := checker{spec, prof, problems, map[string]int{}, slices.Sorted(maps.Keys(prof.Roles))}
	c.machines()
	c.settings()
	c.additions()
	c.kubernetes()
	c.components()
	for _, name := range slices.Sorted(maps.Keys(spec.PKI.Authorities)) {
		if !slices.ContainsFunc(prof.Authorities, func(a profile.Authority) bool { return a.Name == name }) {
			c.problems.Addf("pki.authorities."+name, "profile %s has no such authority; it has %s", prof.Name, strings.Join(authorityNames(prof), ", "))
		}
	}
}

func authorityNames(prof *profile.Profile) []string {
	var out []string
	for _, a := range prof.Authorities {
		out = append(out, a.Name)
	}
	return out
}

func (c checker) machines() {
	reported := map[string]bool{}
	for _, m := range c.spec.Machines {
		roles := rolesOf(m, c.prof)
		if len(roles) == 0 {
			c.problems.Addf(m.Path, "%s has no roles, and profile %s gives none by default; there are %s", m.Name, c.prof.Name, strings.Join(c.roles, ", "))
		}
		for i, r := range roles {
			if !slices.Contains(roles[:i], r) {
				c.holders[r]++
			}
			at := fmt.Sprintf("%s.roles[%d]", m.Path, i)
			if !reported[at] {
				reported[at] = true
				c.role(at, r)
			}
		}
	}
	for _, name := range c.roles {
		if n := c.holders[name]; c.prof.Roles[name].Quorum && n%2 == 0 {
			c.problems.Addf("machines", "%d machines have the role %s: an odd number is needed for a quorum, %s", n, name, odd(n))
		}
	}
}

// role reports a role that the profile does not have.
func (c checker) role(at, role string) {
	if _, ok := c.prof.Roles[role]; !ok {
		c.problems.Addf(at, "profile %s has no role %q; it has %s", c.prof.Name, role, strings.Join(c.roles, ", "))
	}
}

// odd says which odd numbers are near.
func odd(n int) string {
	if n == 0 {
		return "1 or, to go on when one fails, 3"
	}
	return fmt.Sprintf("%d or %d; %d tolerate no more failures than %d", n-1, n+1, n, n-1)
}

func (c checker) settings() {
	for _, name := range slices.Sorted(maps.Keys(c.spec.Settings)) {
		at := "settings." + name
		s, ok := c.prof.Settings[name]
		if !ok {
			c.problems.Addf(at, "profile %s has no such setting; it has %s", c.prof.Name, strings.Join(slices.Sorted(maps.Keys(c.prof.Settings)), ", "))
		} else if err := s.Check(c.spec.Settings[name]); err != nil {
			c.problems.Addf(at, "%v: %s", err, s.Description)
		}
	}
}

// additions reports roles and addons that the profile does not have.
func (c checker) additions() {
	for _, role := range slices.Sorted(maps.Keys(c.spec.RoleAdditions)) {
		c.role("roles."+role, role)
	}
	seen := map[string]string{}
	for _, a := range c.spec.Addons {
		name := a.Name
		if a.Content != nil {
			name = addonName(a.Name)
		} else if _, ok := c.prof.Addons[name]; !ok {
			c.problems.Addf(a.Path, "profile %s has no addon %q; it has %s, and a manifest of your own has a slash in its name", c.prof.Name, name, list(slices.Sorted(maps.Keys(c.prof.Addons))))
		}
		if before, ok := seen[name]; ok {
			c.problems.Addf(a.Path, "the addon %s is there twice (also %s)", name, before)
		}
		seen[name] = a.Path
	}
}

// list joins names, and says so where there are none.
func list[T ~string](names []T) string {
	if len(names) == 0 {
		return "none"
	}
	var text []string
	for _, name := range names {
		text = append(text, string(name))
	}
	return strings.Join(text, ", ")
}
