package kube

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// recorded reads a listing of `hyperkube flags` (hack/kubernetes): by component, the names of the flags.
func recorded(t *testing.T, path string) map[Component][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	flags := map[Component][]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		column := strings.Split(lines.Text(), "\t")
		// The programs take underscores for hyphens.
		c, name := Component(column[0]), strings.ReplaceAll(column[1], "_", "-")
		flags[c] = append(flags[c], name)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return flags
}

// The table has the flags of the real programs, all of them and no others.
func TestTableIsThePrograms(t *testing.T) {
	listings, err := filepath.Glob("testdata/flags-*.tsv")
	if err != nil || len(listings) < 3 {
		t.Fatalf("recorded listings: %v, %v", listings, err)
	}
	for _, listing := range listings {
		at := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(listing), "flags-"), ".tsv")
		real := recorded(t, listing)
		for _, c := range []Component{APIServer, ControllerManager, Scheduler, Kubelet, Proxy} {
			t.Run(at+" "+string(c), func(t *testing.T) {
				if len(real[c]) < 40 {
					t.Fatalf("the listing has only %d flags", len(real[c]))
				}
				known := Flags(c, version(t, c, at))
				for _, name := range real[c] {
					if !slices.Contains(known, name) {
						t.Errorf("the program has --%s, the table has not", name)
					}
				}
				for _, name := range known {
					if !slices.Contains(real[c], name) {
						t.Errorf("the table has --%s, the program has not", name)
					}
				}
			})
		}
	}
}

// minors are the minor versions of a component that its rows name, and for Kubernetes all.
func minors(c Component) []Version {
	var all []Version
	add := func(s string) {
		if v, err := ParseComponentVersion(c, s); err == nil && !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	oldest, newest := c.releases()
	add(oldest.minor())
	add(newest.minor())
	for m := oldestMinor; m <= newestMinor && c != Etcd && c != Flanneld; m++ {
		add(fmt.Sprintf("1.%d", m))
	}
	for _, rows := range flagTable()[c] {
		for _, f := range rows {
			add(f.Since)
			add(f.Until)
		}
	}
	return all
}

// sample gives a value of the flag's type.
func sample(f FlagInfo) string {
	switch f.Type {
	case "bool":
		return "true"
	case "duration":
		return "30s"
	case "int", "int32", "int64", "uint", "uint64":
		return "1"
	default:
		return "x"
	}
}

// Every flag is passed on, renamed to one that the version has, left out, or refused with advice, in every version.
func TestEveryFlagInEveryVersion(t *testing.T) {
	for _, c := range Components() {
		for _, v := range minors(c) {
			for name, rows := range flagTable()[c] {
				for _, value := range []string{sample(rows[0]), "false", "0", ""} {
					got, err := Args(c, v, []Arg{{name, value}})
					switch {
					case err != nil:
						_, advice, ok := strings.Cut(err.Error(), ": ")
						if !ok || advice == "" || !strings.HasPrefix(err.Error(), string(c)) {
							t.Errorf("%s %s --%s=%s: no advice in %q", c, v, name, value, err)
						}
					case len(got) > 1:
						t.Errorf("%s %s --%s=%s became %v", c, v, name, value, got)
					case len(got) == 1 && !alive(flagTable()[c][got[0].Name], v):
						t.Errorf("%s %s --%s=%s became %v, which the version does not have", c, v, name, value, got)
					case len(got) == 1 && got[0].Name != name && alive(rows, v) && !renamedAlive[name]:
						t.Errorf("%s %s --%s was renamed to %v, though the version has it", c, v, name, got)
					}
				}
			}
		}
	}
}

// renamedAlive are flags that some versions have without effect.
var renamedAlive = map[string]bool{"address": true}

// A row of the changes is about a flag that is known, leads to one that is known, and says where that is written.
func TestChangesAreWhole(t *testing.T) {
	for key, changes := range changeTable() {
		for _, change := range changes {
			where := fmt.Sprintf("%s --%s since %q until %q", key.component, key.flag, change.since, change.until)
			if flagTable()[key.component][key.flag] == nil {
				t.Errorf("%s: no such flag", where)
			}
			if change.to != "" && flagTable()[key.component][change.to] == nil {
				t.Errorf("%s: no such flag: --%s", where, change.to)
			}
			said := 0
			for _, ok := range []bool{change.drop, change.to != "", change.advice != ""} {
				if ok {
					said++
				}
			}
			if said != 1 || change.source == "" {
				t.Errorf("%s: it says %d things, by %q", where, said, change.source)
			}
			if change.drop && len(change.values) == 0 && change.until == "" && change.since == "" {
				t.Errorf("%s: left out always", where)
			}
			// What is only left out or renamed where the flag is not there has a flag that is not there.
			if change.drop && dropsAlive(change) {
				t.Errorf("%s: left out of a version that has it", where)
			}
		}
	}
}

func dropsAlive(c change) bool {
	return slices.ContainsFunc(minors(c.component), func(v Version) bool {
		return v.in(c.since, c.until) && alive(flagTable()[c.component][c.flag], v)
	})
}

func TestFlag(t *testing.T) {
	f, ok := Flag(APIServer, "experimental-encryption-provider-config")
	if !ok || f.Since != "1.7" || f.Until != "1.24" || f.Replacement != "encryption-provider-config" || f.Source == "" {
		t.Errorf("got %+v, %v", f, ok)
	}
	f, ok = Flag(Kubelet, "api-servers")
	if !ok || f.Until != "1.8" || f.Advice == "" {
		t.Errorf("got %+v, %v", f, ok)
	}
	if _, ok := Flag(Kubelet, "foo"); ok {
		t.Error("there is no such flag")
	}
}
