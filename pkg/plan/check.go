package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

// Check reports what in a cluster file does not go with the profile: roles and settings that it does not have, and
// voting roles with a number of machines that can not serve.
func Check(spec *cluster.Spec, prof *profile.Profile, problems *cluster.Problems) {
	count := map[string]int{}
	known := slices.Sorted(maps.Keys(prof.Roles))
	reported := map[string]bool{}
	for _, m := range spec.Machines {
		roles := rolesOf(m, prof)
		if len(roles) == 0 {
			problems.Addf(m.Path, "%s has no roles, and profile %s gives none by default; there are %s", m.Name, prof.Name, strings.Join(known, ", "))
		}
		for i, r := range roles {
			count[r]++
			at := fmt.Sprintf("%s.roles[%d]", m.Path, i)
			if _, ok := prof.Roles[r]; !ok && !reported[at] {
				reported[at] = true
				problems.Addf(at, "profile %s has no role %q; it has %s", prof.Name, r, strings.Join(known, ", "))
			}
		}
	}
	for _, name := range known {
		if n := count[name]; prof.Roles[name].Quorum && n%2 == 0 {
			problems.Addf("machines", "%d machines have the role %s: an odd number is needed for a quorum, %s", n, name, odd(n))
		}
	}
	checkSettings(spec, prof, problems)
}

// odd says which odd numbers are near.
func odd(n int) string {
	if n == 0 {
		return "1 or, to go on when one fails, 3"
	}
	return fmt.Sprintf("%d or %d; %d tolerate no more failures than %d", n-1, n+1, n, n-1)
}

func checkSettings(spec *cluster.Spec, prof *profile.Profile, problems *cluster.Problems) {
	for _, name := range slices.Sorted(maps.Keys(spec.Settings)) {
		at := "settings." + name
		s, ok := prof.Settings[name]
		if !ok {
			problems.Addf(at, "profile %s has no such setting; it has %s", prof.Name, strings.Join(slices.Sorted(maps.Keys(prof.Settings)), ", "))
		} else if err := s.Check(spec.Settings[name]); err != nil {
			problems.Addf(at, "%v: %s", err, s.Description)
		}
	}
}
