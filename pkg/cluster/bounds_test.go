package cluster_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/cluster"
)

const head = "apiVersion: nodekiln.dev/v1\nkind: Cluster\nmetadata: {name: lab}\nprofile: etcd\nnetwork: {machines: 10.0.0.0/8}\n"

// Each of these is small, or just within the bound on a file, and stands for much.
func TestHostileFiles(t *testing.T) {
	const size = 1 << 20
	bomb := head + "machines:\n  - &m {name: a, address: 10.0.0.1, files: &f [" + strings.Repeat("{path: /a, contents: x}, ", 1000) + "]}\n" +
		strings.Repeat("  - *m\n", 100000)
	laughs := "a: &a [x]\n"
	for c := 'b'; c < 'z'; c++ {
		laughs += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 10), ", "))
	}
	merges := head + "x: &a {p: 1}\n"
	for c := 'b'; c < 'z'; c++ {
		merges += fmt.Sprintf("%c: &%c {<<: [%s]}\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 10), ", "))
	}
	long := head + "units: [&u {name: a.service, contents: '[Unit] " + strings.Repeat("x", size/2) + "'}" + strings.Repeat(", *u", 100000) + "]\n" +
		"machines: [{name: a, address: 10.0.0.1}]\n"
	keys := head + "overlays: [" + strings.Repeat("site, ", 50000) + "site]\npki:\n  authorities:\n    a: &a {certificate: a, key: " + strings.Repeat("a/", 2000) + "}\n"
	for i := range 30000 {
		keys += fmt.Sprintf("    a%d: *a\n", i)
	}
	files := map[string]string{
		"aliases of a long text": long,
		"keys below overlays":    keys,
		"aliases of a machine":   bomb,
		"billion laughs":         head + laughs + "machines: *y\n",
		"merges of merges":       merges + "settings: *y\n",
		"merges of a cycle":      "a: &a {<<: &b {<<: [*a, *b, *a, *b]}}\nsettings: *a\n",
		"deep lists":             strings.Repeat("[", size),
		"deep closed lists":      strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
		"deep mappings":          strings.Repeat("{a: ", size/4),
		"deep block lists":       strings.Repeat("- ", size/2),
		"deep keys":              strings.Repeat("? ", size/2),
		"many values":            "settings: [" + strings.Repeat(",", size-20) + "]",
		"many nulls":             "settings: [" + strings.Repeat("~,", size/2-20) + "]",
		"many anchors":           strings.Repeat("&a ", size/3),
		"many tags":              strings.Repeat("!a ", size/3),
		"many documents":         strings.Repeat("---\n", size/4),
		"many directives":        strings.Repeat("%TAG !a! a\n", size/11),
		"many comments":          strings.Repeat("#\n", size/2),
		"many comments in a map": head + "settings:\n" + strings.Repeat("#\n  a: 1 #\n", size/11-20),
		"many unknown keys":      strings.Repeat("a:\n", size/3),
		"one long key":           strings.Repeat("a", size-4) + ": 1",
		"one long range":         head + `machines: [{name: "` + strings.Repeat("[1-2]", 200000) + `", address: 10.0.0.1}]`,
		"one long name":          head + "machines: [{name: " + strings.Repeat("a", size-300) + ", address: 10.0.0.1}]",
		"many quotes":            strings.Repeat("'", size-1),
		"a late fault":           strings.Repeat("a: [x]\n", size/7-1) + "a: ]",
		"many settings":          head + manySettings(60000),
	}
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var invalid *cluster.InvalidError
			if _, err := cluster.Parse("cluster.yaml", []byte(data), nil); !errors.As(err, &invalid) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func manySettings(n int) string {
	var b strings.Builder
	b.WriteString("settings:\n")
	for i := range n {
		fmt.Fprintf(&b, "  a%d: {}\n", i)
	}
	return b.String()
}

// rack is a cluster file of n machines, in a range or in one line each.
func rack(n int, ranges bool) []byte {
	if ranges {
		return fmt.Appendf(nil, "%smachines:\n  - {name: \"rack[1-%d]-node[01-50]\", address: \"10.1.[1-%d].[101-150]\"}\n", head, n/50, n/50)
	}
	b := []byte(head + "machines:\n")
	for i := range n {
		b = fmt.Appendf(b, "  - {name: node%d, roles: [node], address: 10.1.%d.%d, disk: 20G}\n", i, i/250, i%250+1)
	}
	return b
}

func BenchmarkParse(b *testing.B) {
	for _, ranges := range []bool{true, false} {
		name := map[bool]string{true: "range", false: "lines"}[ranges]
		data := rack(1000, ranges)
		b.Run("1000/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				spec, err := cluster.Parse("cluster.yaml", data, nil)
				if err != nil || len(spec.Machines) != 1000 {
					b.Fatal(len(spec.Machines), err)
				}
			}
		})
	}
}
