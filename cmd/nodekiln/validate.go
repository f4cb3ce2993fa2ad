package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/nodekiln/nodekiln/pkg/cluster"
)

func validateCommand() *cli.Command {
	return &cli.Command{
		Name:      "validate",
		Usage:     "check a cluster file and report every problem with its place",
		ArgsUsage: "CLUSTER",
		Action: func(c *cli.Context) error {
			p, err := load(c)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.App.Writer, "%s: valid: cluster %s, profile %s, %s\n", p.File, p.Plan.Cluster, p.Plan.Profile, countMachines(p))
			return err
		},
	}
}

func schemaCommand() *cli.Command {
	return &cli.Command{
		Name:  "schema",
		Usage: "print the JSON Schema of the cluster file, for editors",
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usagef("schema takes no arguments")
			}
			b, err := cluster.Schema()
			if err != nil {
				return err
			}
			_, err = c.App.Writer.Write(b)
			return err
		},
	}
}
