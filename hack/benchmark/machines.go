package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

// sizes are the numbers of machines that are measured, odd since all of them vote in one etcd cluster.
var sizes = []int{3, 31, 301}

func clusterFile(machines int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `apiVersion: nodekiln.dev/v1
kind: Cluster
metadata: {name: bench}
profile: etcd
network: {machines: 10.0.0.0/16}
base: {debian: bookworm}
machines:
`)
	for first := 1; first <= machines; first += 100 {
		last := min(first+99, machines)
		fmt.Fprintf(&b, "  - {name: \"member[%d-%d]\", address: \"10.0.%d.[1-%d]\", disk: 8G}\n", first, last, 1+first/100, last-first+1)
	}
	return b.String()
}

// machines measures builds of clusters of all sizes: new keys, images on a base that is there.
func (b bench) machines(ctx context.Context) error {
	fmt.Println("Machines: a new cluster, with its keys, on a base that is there")
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "machines\tcpu ms/machine\twall ms/machine\tKiB/machine\tof the base\tpeak MiB\t")
	var small usage
	for i, n := range sizes {
		u, images, base, err := b.cluster(ctx, n)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%d\t%.1f\t%.1f\t%d\t1/%d\t%d\t\n", n, ms(u.cpu)/float64(n), ms(u.wall)/float64(n), images>>10/int64(n),
			base/(images/int64(n)), u.peak>>20)
		if i == 0 {
			small = u
		} else if i == len(sizes)-1 {
			extra := n - sizes[0]
			defer fmt.Printf("each machine beyond the first %d: %.1f ms of CPU (goal: under 60), %d KiB (goal: under 1024)\n\n",
				sizes[0], ms(u.cpu-small.cpu)/float64(extra), images>>10/int64(n))
		}
	}
	return w.Flush()
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// cluster builds one cluster, and gives the bytes on disk of all its images and of the base.
func (b bench) cluster(ctx context.Context, machines int) (u usage, images, base int64, err error) {
	dir, err := os.MkdirTemp(b.dir, "cluster-")
	if err != nil {
		return u, 0, 0, err
	}
	file := filepath.Join(dir, "cluster.yaml")
	if err := os.WriteFile(file, []byte(clusterFile(machines)), 0o644); err != nil {
		return u, 0, 0, err
	}
	// The first build of all may have to make the base; it is not measured.
	warm := filepath.Join(b.dir, "warm.yaml")
	if _, err := os.Stat(warm); err != nil {
		fmt.Fprintln(os.Stderr, "benchmark: making the base if there is none")
		if err := os.WriteFile(warm, []byte(clusterFile(1)), 0o644); err != nil {
			return u, 0, 0, err
		}
		if _, err := measure(ctx, b.program, "build", warm, "--out", filepath.Join(b.dir, "warm")); err != nil {
			return u, 0, 0, err
		}
	}
	out := filepath.Join(dir, "out")
	if u, err = measure(ctx, b.program, "build", file, "--out", out); err != nil {
		return u, 0, 0, err
	}
	err = filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".qcow2") {
			return err
		}
		size, err := onDisk(path)
		if err != nil {
			return err
		}
		if strings.HasPrefix(d.Name(), "golden-") {
			base = size
		} else {
			images += size
		}
		return nil
	})
	return u, images, base, err
}
