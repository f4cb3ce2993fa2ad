package kube

import (
	"fmt"
	"strings"
)

// unknownFlag says that no version has the flag, and which one may be meant.
func unknownFlag(c Component, v Version, name string) error {
	if near := nearest(name, Flags(c, v)); near != "" {
		return fmt.Errorf("%s %s has no flag --%s: --%s may be meant", c, v, name, near)
	}
	return fmt.Errorf("%s %s has no flag --%s", c, v, name)
}

// refused says that the version does not take the argument.
func refused(c Component, v Version, arg Arg, rows []FlagInfo, advice string) error {
	if alive(rows, v) {
		return fmt.Errorf("%s %s does not take %s: %s", c, v, arg, advice)
	}
	// The last life that is over by then, or the first that is still to come.
	for i := len(rows) - 1; i >= 0; i-- {
		if rows[i].Until != "" && v.AtLeast(rows[i].Until) {
			if advice == "" {
				advice = "leave it out, or use an older version"
			}
			return fmt.Errorf("%s has no %s since %s: %s", c, arg, rows[i].Until, advice)
		}
	}
	if advice == "" {
		advice = fmt.Sprintf("leave it out, or use %s or newer", rows[0].Since)
	}
	return fmt.Errorf("%s has no %s before %s: %s", c, arg, rows[0].Since, advice)
}

// nearest gives the known name that takes the fewest edits to get to, or "" where none is near.
func nearest(name string, known []string) string {
	best, found := 1+len(name)/3, ""
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < best {
			best, found = d, k
		}
	}
	return found
}

// distance is the Levenshtein distance of two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
