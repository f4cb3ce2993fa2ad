package main

import (
	"github.com/urfave/cli/v2"
)

func planCommand() *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "show what each machine will be; nothing is read but the cluster file, and nothing written",
		ArgsUsage: "CLUSTER",
		Flags:     []cli.Flag{formatFlag()},
		Action: func(c *cli.Context) error {
			asJSON, err := jsonAsked(c)
			if err != nil {
				return err
			}
			p, err := load(c)
			if err != nil {
				return err
			}
			if asJSON {
				return p.Plan.WriteJSON(c.App.Writer)
			}
			return p.Plan.WriteTable(c.App.Writer)
		},
	}
}
