// Command history makes pkg/kube/flags.tsv and pkg/kube/fields.tsv: which flags each component and which fields each
// configuration has in each minor version, read from the sources of one release of each:
//
//	go run ./hack/kubernetes/history > pkg/kube/flags.tsv
//	go run ./hack/kubernetes/history fields > pkg/kube/fields.tsv
//
// It looks for calls that define flags in the files that sources.go names. What it cannot see there is in extra.tsv with
// the reason: flags of libraries that a component takes over as a whole.
package main

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// releases are the releases that are read.
var releases = strings.Fields("1.5.0 1.6.0 1.7.0 1.8.0 1.9.0 1.10.0 1.11.0 1.12.0 1.13.0 1.14.0 1.15.0 1.16.0 1.17.0 1.18.0 1.19.0 " +
	"1.20.0 1.21.0 1.22.0 1.23.0 1.24.0 1.25.0 1.26.0 1.27.0 1.28.0 1.29.6 1.30.0 1.31.0 1.32.0 1.33.0 1.34.4 1.35.0 1.36.3")

func main() {
	write := run
	if len(os.Args) == 2 && os.Args[1] == "fields" {
		write = printFields
	}
	if err := write(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "history:", err)
		os.Exit(1)
	}
}

const header = `# Which flags each component has, by minor version: component, flag, type, the first minor version that has it and the
# first that has it no more. Empty is before the oldest that is known, or still there; a flag that came back has two rows.
# Made by hack/kubernetes/history from the sources of one release of each minor version:
# Kubernetes %s;
# %s.
# Do not edit.
`

func run(w io.Writer) error {
	h, err := readAll()
	if err != nil {
		return err
	}
	if err := h.addExtra(); err != nil {
		return err
	}
	var read []string
	for _, o := range others {
		var modules []string
		for _, r := range o.releases {
			modules = append(modules, r.module)
		}
		read = append(read, o.name+" "+strings.Join(modules, " "))
	}
	fmt.Fprintf(w, header, strings.Join(releases, " "), strings.Join(read, ";\n# "))
	var minors []string
	for _, r := range releases {
		minors = append(minors, minor(r))
	}
	h.print(w, minors)
	for _, o := range others {
		h, err := o.read()
		if err != nil {
			return err
		}
		h.print(w, o.minors())
	}
	return nil
}

// readAll reads the flags of all releases.
func readAll() (history, error) {
	h := history{}
	for i, version := range releases {
		t, err := openTree(version)
		if err != nil {
			return nil, err
		}
		for initial, c := range components {
			if err := h.readComponent(i, t, initial, c); err != nil {
				return nil, fmt.Errorf("%s %s: %w", c.name, version, err)
			}
		}
	}
	return h, nil
}

func (h history) readComponent(release int, t *tree, initial rune, c component) error {
	said, err := t.text(c)
	if err != nil {
		return err
	}
	for _, s := range sources {
		if !strings.ContainsRune(s.components, initial) || s.uses != "" && !regexp.MustCompile(s.uses).MatchString(said) {
			continue
		}
		path, err := t.path(s.path)
		if err != nil {
			return err
		}
		if path == "" {
			continue
		}
		flags, err := parseDir(path)
		if err != nil {
			return err
		}
		for _, f := range flags {
			if s.takes(f) && (s.indirect || called(f, said)) {
				for _, name := range f.names() {
					h.add(c.name, name, f.kind, release, len(releases))
				}
			}
		}
	}
	return nil
}

func (s source) takes(f flag) bool {
	return (s.only == "" || regexp.MustCompile(s.only).MatchString(f.function)) &&
		(s.not == "" || !regexp.MustCompile(s.not).MatchString(f.function))
}

// called says whether a component's own sources call the function that defines the flag. Functions that are not exported
// are called by those that are.
func called(f flag, said string) bool {
	name := f.function[strings.LastIndexByte(f.function, '.')+1:]
	if name == "" || name[0] >= 'a' && name[0] <= 'z' {
		return true
	}
	return strings.Contains(said, name)
}

// names expands the flags of the two audit backends, whose names are put together.
func (f flag) names() []string {
	if !strings.Contains(f.name, "%s") {
		return []string{f.name}
	}
	var names []string
	for _, backend := range []string{"log", "webhook"} {
		names = append(names, strings.ReplaceAll(f.name, "%s", backend))
	}
	return names
}

//go:embed extra.tsv
var extraTSV string

// addExtra adds the flags of extra.tsv.
func (h history) addExtra() error {
	for line := range strings.Lines(extraTSV) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		column := strings.Split(line, "\t")
		if len(column) != 5 {
			return fmt.Errorf("extra.tsv: %q has not five columns", line)
		}
		from, to := release(column[3], 0), release(column[4], len(releases))
		if from < 0 || to < 0 {
			return fmt.Errorf("extra.tsv: %q has an unknown version", line)
		}
		for _, initial := range column[0] {
			for i := from; i < to; i++ {
				for _, name := range strings.Fields(column[1]) {
					h.add(components[initial].name, name, column[2], i, len(releases))
				}
			}
		}
	}
	return nil
}

// release gives the place of a minor version in releases.
func release(minor string, whenEmpty int) int {
	if minor == "" {
		return whenEmpty
	}
	return slices.IndexFunc(releases, func(r string) bool { return strings.HasPrefix(r, minor+".") })
}
