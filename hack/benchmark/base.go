package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// base measures the making of a base in an empty cache, and a plain bootstrap of the packages that are in it.
func (b bench) base(ctx context.Context) error {
	fmt.Println("Base: packages from the mirror to a disk that boots, beside a plain mmdebstrap to a tar of the same packages")
	cache, file := filepath.Join(b.dir, "cache"), filepath.Join(b.dir, "base.yaml")
	if err := os.WriteFile(file, []byte(clusterFile(1)), 0o644); err != nil {
		return err
	}
	own, err := measure(ctx, b.program, "build", file, "--out", filepath.Join(b.dir, "base"), "--cache-dir", cache)
	if err != nil {
		return err
	}
	packages, err := installed(cache)
	if err != nil {
		return err
	}
	peer, err := measure(ctx, "mmdebstrap", "--quiet", "--variant=minbase", "--include="+strings.Join(packages, ","),
		"bookworm", filepath.Join(b.dir, "peer.tar"))
	if err != nil {
		return err
	}
	fmt.Printf("%d packages: %.2f times the wall time of mmdebstrap (goal: under 1.5), %.2f times its CPU; peak %d MiB in one process\n",
		len(packages), float64(own.wall)/float64(peer.wall), float64(own.cpu)/float64(peer.cpu), own.peak>>20)
	return nil
}

// installed gives the packages that the only base in the cache holds.
func installed(cache string) ([]string, error) {
	found, err := filepath.Glob(filepath.Join(cache, "base", "*", "golden.json"))
	if err != nil || len(found) != 1 {
		return nil, fmt.Errorf("the base in %s: found %v, %v", cache, found, err)
	}
	b, err := os.ReadFile(found[0])
	if err != nil {
		return nil, err
	}
	var info struct{ Packages []struct{ Name string } }
	if err := json.Unmarshal(b, &info); err != nil {
		return nil, err
	}
	var names []string
	for _, p := range info.Packages {
		// nodekiln makes its own initrd, and says so by a package that no mirror has. Plain mmdebstrap gets initramfs-tools
		// in its place, which the kernel depends on.
		if !strings.HasPrefix(p.Name, "nodekiln-") {
			names = append(names, p.Name)
		}
	}
	return names, nil
}
