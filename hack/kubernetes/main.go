// Command kubernetes builds the programs of a Kubernetes release as one static program, in which package component puts
// them on machines, for tests that want it alone:
//
//	go run ./hack/kubernetes 1.34.4 DIR/1.34.4/hyperkube
//
// It does nothing where the file is there. The first build of a version takes ten minutes or more.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/nodekiln/nodekiln/pkg/build"
	"github.com/nodekiln/nodekiln/pkg/component"
	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: kubernetes VERSION OUT, say kubernetes 1.34.4 out/hyperkube")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "kubernetes:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, version, out string) error {
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	set, err := component.Choose(ctx, plan.Components{
		Source: profile.SourceModules, Wanted: []plan.Component{{Name: profile.ComponentKubernetes, Version: version}},
	}, component.Options{CacheDir: filepath.Join(cache, "nodekiln"), ModTime: build.DefaultEpoch(), Progress: lines{}})
	if err != nil {
		return err
	}
	programs, err := set.Tree(ctx)
	if err != nil {
		return err
	}
	n, _ := programs.Get("usr/bin/hyperkube")
	program, err := n.Open()
	if err != nil {
		return err
	}
	defer program.Close()
	return save(program, out)
}

// save writes a program under a temporary name, and gives it its own when it is whole.
func save(program io.Reader, out string) error {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(out+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, program)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(out+".part", out)
}

// lines shows progress as lines.
type lines struct{}

func (lines) Stage(what string, done float64) {
	fmt.Fprintf(os.Stderr, "kubernetes: %3.0f%% %s\n", done*100, what)
}
