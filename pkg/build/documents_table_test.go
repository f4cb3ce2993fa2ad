package build

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// When a row of a table holds.
const (
	whenAll = "all"
	whenEra = "era"
)

// documentRow is one row of a table.
type documentRow struct {
	// at is where the row is, for people: "deepin.tsv:7".
	at                                    string
	machine, path, key, value, when, note string
}

func readTable(t *testing.T, name string) []documentRow {
	t.Helper()
	file := name + ".tsv"
	b, err := os.ReadFile(filepath.Join(documentsDir, file))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := parseTable(file, normal(b))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func parseTable(file, text string) ([]documentRow, error) {
	var rows []documentRow
	var errs []error
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		at := fmt.Sprintf("%s:%d", file, number)
		c := strings.Split(line, "\t")
		if len(c) != 6 {
			errs = append(errs, fmt.Errorf("%s: %d columns, not 6", at, len(c)))
			continue
		}
		r := documentRow{at: at, machine: c[0], path: c[1], key: c[2], value: c[3], when: c[4], note: c[5]}
		if r.when != whenAll && r.when != whenEra {
			errs = append(errs, fmt.Errorf("%s: %q is neither %s nor %s", at, r.when, whenAll, whenEra))
		}
		if slices.Contains(c, "") {
			errs = append(errs, fmt.Errorf("%s: an empty column; write -", at))
		}
		rows = append(rows, r)
	}
	return rows, errors.Join(errs...)
}

// concerns tells whether the row is about the machine.
func (r documentRow) concerns(m *documentMachine) bool {
	return r.machine == "*" || slices.Contains(strings.Split(r.machine, ","), m.name)
}

// of gives the row with the machine's own name and address.
func (r documentRow) of(m *documentMachine) documentRow {
	quote := func(s string) string { return s }
	if strings.HasPrefix(strings.TrimPrefix(r.value, "!"), "~") {
		quote = regexp.QuoteMeta
	}
	r.key = strings.NewReplacer("{name}", m.name, "{address}", m.address).Replace(r.key)
	r.value = strings.NewReplacer("{name}", quote(m.name), "{address}", quote(m.address)).Replace(r.value)
	return r
}

// changed gives the row with a value that does not hold where its own does.
func (r documentRow) changed() documentRow {
	switch value, negative := strings.CutPrefix(r.value, "!"); {
	case negative:
		r.value = value
	case r.value == "-":
		r.value = "~.+"
	default:
		r.value = "no such value"
	}
	return r
}

// faults tells on which of the machines the row does not hold, one line each.
func (r documentRow) faults(machines []*documentMachine) []string {
	var out []string
	concerned := 0
	for _, m := range machines {
		if !r.concerns(m) {
			continue
		}
		concerned++
		if err := r.of(m).check(m, machines); err != nil {
			note := ""
			if r.note != "-" {
				note = " (" + r.note + ")"
			}
			out = append(out, fmt.Sprintf("%s: %s %s %s: want %s, %v%s", r.at, m.name, r.path, r.key, r.of(m).value, err, note))
		}
	}
	if want := len(strings.Split(r.machine, ",")); concerned == 0 || r.machine != "*" && concerned != want {
		out = append(out, fmt.Sprintf("%s: there are not the machines %s", r.at, r.machine))
	}
	return out
}

// check evaluates a row of one machine.
func (r documentRow) check(m *documentMachine, all []*documentMachine) error {
	if assert, ok := assertions()[r.key]; ok {
		return assert(m, r.path, r.value)
	}
	got, err := m.look(r.path, r.key)
	if err != nil {
		if strings.HasPrefix(r.value, "!") && errors.Is(err, errAbsent) {
			return nil
		}
		return err
	}
	want := r.value
	if ref, ok := strings.CutPrefix(want, "@"); ok {
		if want, err = refer(ref, all); err != nil {
			return err
		}
	}
	ok, err := matches(want, got, r.key == keyHolds)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("got %s", abridged(got, r.key))
	}
	if name, flag, ok := strings.Cut(r.key, ":"); ok && isVariable(name) && !strings.HasPrefix(want, "!") {
		return m.reaches(r.path, name, flag, want)
	}
	return nil
}

// refer gives the one value that another machine's path and key have.
func refer(ref string, all []*documentMachine) (string, error) {
	words := strings.SplitN(ref, " ", 3)
	if len(words) != 3 {
		return "", fmt.Errorf("@%s is not written @MACHINE PATH KEY", ref)
	}
	i := slices.IndexFunc(all, func(m *documentMachine) bool { return m.name == words[0] })
	if i < 0 {
		return "", fmt.Errorf("there is no machine %s", words[0])
	}
	got, err := all[i].look(words[1], words[2])
	if err != nil {
		return "", fmt.Errorf("%s: %w", ref, err)
	}
	if len(got) != 1 || got[0] == "" {
		return "", fmt.Errorf("%s has %d values, not one", ref, len(got))
	}
	return got[0], nil
}

// matches compares what was found with what a row wants. With part it is enough that a value holds what is wanted.
func matches(want string, got []string, part bool) (bool, error) {
	if positive, ok := strings.CutPrefix(want, "!"); ok {
		found, err := matches(positive, got, part)
		return !found, err
	}
	if want == "-" {
		return !slices.ContainsFunc(got, func(s string) bool { return s != "" }), nil
	}
	equal := func(s string) bool { return s == want }
	if part {
		equal = func(s string) bool { return strings.Contains(s, want) }
	}
	if pattern, ok := strings.CutPrefix(want, "~"); ok {
		if !part {
			pattern = "^(?:" + pattern + ")$"
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			return false, err
		}
		equal = re.MatchString
		if len(got) == 0 {
			got = []string{""}
		}
	}
	return slices.ContainsFunc(got, equal), nil
}

// bootstrapToken is a token of kubeadm.
var bootstrapToken = regexp.MustCompile(`^[a-z0-9]{6}\.[a-z0-9]{16}$`)

// abridged writes what was found, without the contents of files, which may hold keys.
func abridged(got []string, key string) string {
	if key == keyHolds || key == "text" || key == "line" {
		return fmt.Sprintf("no such text in %d", len(got))
	}
	if len(got) == 0 {
		return "nothing"
	}
	var out []string
	for _, g := range got {
		if strings.Contains(g, "PRIVATE KEY") || bootstrapToken.MatchString(g) {
			g = "(a secret)"
		}
		out = append(out, g)
	}
	return strings.Join(out, " | ")
}
