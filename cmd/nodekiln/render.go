package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/nodekiln/nodekiln/pkg/build"
)

func renderCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:      "render",
		Usage:     "write each machine as files, Ignition and cloud-init below DIR/<machine>, and make no image",
		ArgsUsage: "CLUSTER",
		Flags: []cli.Flag{
			outFlag(), cacheFlag(),
			&cli.BoolFlag{Name: "force", Usage: "replace machines that are there"},
		},
		Action: func(c *cli.Context) error {
			out, err := outDir(c)
			if err != nil {
				return err
			}
			p, err := load(c)
			if err != nil {
				return err
			}
			epoch, err := env.epoch()
			if err != nil {
				return err
			}
			cache, err := env.cache(c)
			if err != nil {
				return err
			}
			tellNewKeys(env.stderr, p)
			left, err := build.Render(c.Context, p, build.RenderOptions{Out: out, CacheDir: cache, Epoch: epoch, Force: c.Bool("force")})
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(c.App.Writer, "%s: %s\n", out, countMachines(p)); err != nil {
				return err
			}
			for _, name := range left {
				fmt.Fprintf(env.stderr, "nodekiln: %s/%s belongs to no machine of this cluster and is kept; remove it when nobody needs it\n", out, name)
			}
			return nil
		},
	}
}
