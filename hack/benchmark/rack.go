package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

// racks are the numbers of machines of a Kubernetes cluster that are validated, planned and rendered.
var racks = []int{10, 100, 1000}

// rackFile gives the cluster file of a master and of nodes.
func rackFile(machines int) string {
	var b strings.Builder
	b.WriteString(`apiVersion: nodekiln.dev/v1
kind: Cluster
metadata: {name: rack}
profile: deepin
network: {machines: 10.1.0.0/16, pods: 10.64.0.0/10, services: 10.254.0.0/16}
machines:
  - {name: master, roles: [master, etcd], address: 10.1.0.10}
`)
	for first := 1; first < machines; first += 200 {
		last := min(first+199, machines-1)
		fmt.Fprintf(&b, "  - {name: \"node[%d-%d]\", roles: [node], address: \"10.1.%d.[1-%d]\"}\n", first, last, 1+first/200, last-first+1)
	}
	return b.String()
}

// racks measures what comes before an image: reading a cluster file, planning it and rendering its machines, with keys
// that are to be made and with keys that are there.
func (b bench) racks(ctx context.Context) error {
	fmt.Println("Racks: a Kubernetes cluster, validated, planned and rendered; CPU in ms per machine")
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "machines\tvalidate\tplan\tkeys+render\trender\tpeak MiB\tpeak KiB/machine\t")
	var last float64
	for _, n := range racks {
		dir, err := os.MkdirTemp(b.dir, "rack-")
		if err != nil {
			return err
		}
		file := filepath.Join(dir, "cluster.yaml")
		if err := os.WriteFile(file, []byte(rackFile(n)), 0o644); err != nil {
			return err
		}
		out := filepath.Join(dir, "out")
		fmt.Fprintf(w, "%d\t", n)
		var u usage
		for _, args := range [][]string{
			{"validate", file},
			{"plan", file},
			{"render", file, "--out", out},
			{"render", file, "--out", out, "--force"},
		} {
			if u, err = measure(ctx, b.program, args...); err != nil {
				return err
			}
			last = ms(u.cpu) / float64(n)
			fmt.Fprintf(w, "%.1f\t", last)
		}
		fmt.Fprintf(w, "%d\t%d\t\n", u.peak>>20, u.peak>>10/int64(n))
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Printf("without making keys, each of %d machines is rendered in %.1f ms of CPU (goal: under 20)\n\n", racks[len(racks)-1], last)
	return nil
}
