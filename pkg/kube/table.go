package kube

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed flags.tsv
var flagsTSV string

// FlagInfo is what is known of a component's flag.
type FlagInfo struct {
	Component Component
	Name      string
	Type      string // as the program's own help calls it: string, bool, int, duration, stringSlice ...
	// Since and Until are the first minor version that has the flag and the first that has it no more; "" where the
	// first is the oldest that this package knows, or where the newest still has it.
	Since, Until string
	Replacement  string // the flag that says the same where this one is gone, or was not yet there
	Advice       string // what to do without the flag
	Source       string // where the change is written down
}

// lives says whether the version has the flag.
func (f FlagInfo) lives(v Version) bool {
	return v.in(f.Since, f.Until)
}

// flagTable is flags.tsv: by component and name, the rows of a flag, the oldest first. A flag that went and came back
// has several.
var flagTable = sync.OnceValue(func() map[Component]map[string][]FlagInfo {
	table := map[Component]map[string][]FlagInfo{}
	for line := range strings.Lines(flagsTSV) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		column := strings.Split(line, "\t")
		if len(column) != 5 {
			panic(fmt.Sprintf("flags.tsv: %q has not five columns", line))
		}
		f := FlagInfo{Component: Component(column[0]), Name: column[1], Type: column[2], Since: column[3], Until: column[4]}
		if table[f.Component] == nil {
			table[f.Component] = map[string][]FlagInfo{}
		}
		table[f.Component][f.Name] = append(table[f.Component][f.Name], f)
	}
	return table
})

// Flag gives what is known of a component's flag; of one that went and came back, its newest life.
func Flag(c Component, name string) (FlagInfo, bool) {
	rows := flagTable()[c][name]
	if len(rows) == 0 {
		return FlagInfo{}, false
	}
	f := rows[len(rows)-1]
	for _, change := range changesOf(c, name) {
		if f.Replacement == "" {
			f.Replacement = change.to
		}
		if f.Advice == "" {
			f.Advice = change.advice
		}
		if f.Source == "" {
			f.Source = change.source
		}
	}
	f.Source = cmp.Or(f.Source, flagSources)
	return f, true
}

// Flags gives the names of the flags that a version of a component has, sorted.
func Flags(c Component, v Version) []string {
	var names []string
	for name, rows := range flagTable()[c] {
		if alive(rows, v) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func alive(rows []FlagInfo, v Version) bool {
	return slices.ContainsFunc(rows, func(f FlagInfo) bool { return f.lives(v) })
}
