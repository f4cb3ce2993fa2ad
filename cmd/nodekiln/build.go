package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/nodekiln/nodekiln/pkg/build"
)

func buildCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:      "build",
		Usage:     "bake an image for each machine below DIR/<cluster>",
		ArgsUsage: "CLUSTER",
		Flags: []cli.Flag{
			outFlag(), cacheFlag(),
			&cli.BoolFlag{Name: "force", Usage: "replace images that differ from what is built now"},
			&cli.StringFlag{Name: "standalone", Usage: "make each image one self-contained file of `FORMAT`: raw (sparse) or qcow2 (compressed)"},
		},
		Action: func(c *cli.Context) error {
			out, err := outDir(c)
			if err != nil {
				return err
			}
			bar, programs, images := newProgress(env.stderr, "base"), newProgress(env.stderr, "programs"), newProgress(env.stderr, "images")
			defer bar.end()
			defer programs.end()
			defer images.end()
			o := build.Options{
				Out: out, Version: version, Force: c.Bool("force"),
				Standalone: build.Standalone(c.String("standalone")), Progress: bar, Components: programs, Images: images,
			}
			if !o.Standalone.Valid() {
				return usagef("--standalone is raw or qcow2, not %q", o.Standalone)
			}
			p, err := load(c)
			if err != nil {
				return err
			}
			if o.Epoch, err = env.epoch(); err != nil {
				return err
			}
			if o.CacheDir, err = env.cache(c); err != nil {
				return err
			}
			tellNewKeys(env.stderr, p)
			res, err := build.Build(c.Context, p, o)
			if err != nil {
				return err
			}
			for _, m := range res.Manifest.Machines {
				if _, err := fmt.Fprintf(c.App.Writer, "%s/%s\n", res.Dir, m.File); err != nil {
					return err
				}
			}
			if len(res.Lacking) > 0 {
				fmt.Fprintf(env.stderr, "nodekiln: components.source is packages, and no package of the machines has brought %s\n", strings.Join(res.Lacking, ", "))
			}
			for _, name := range res.Left {
				fmt.Fprintf(env.stderr, "nodekiln: %s/%s belongs to no machine of this build and is kept; remove it when nobody needs it\n", res.Dir, name)
			}
			return nil
		},
	}
}
