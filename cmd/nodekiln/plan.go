package main

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/nodekiln/nodekiln/pkg/build"
	"github.com/nodekiln/nodekiln/pkg/plan"
)

func planCommand() *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "show what each machine will be; nothing is read but the cluster file and what it names, and nothing written",
		ArgsUsage: "CLUSTER",
		Flags: []cli.Flag{
			formatFlag(),
			&cli.StringFlag{Name: "explain", Usage: "tell which source each machine has the file at `PATH` from"},
			&cli.StringFlag{Name: "machine", Usage: "explain only the machine of this `NAME`"},
		},
		Action: func(c *cli.Context) error {
			asJSON, err := jsonAsked(c)
			if err != nil {
				return err
			}
			p, err := load(c)
			if err != nil {
				return err
			}
			switch {
			case c.IsSet("explain"):
				return explain(c, p)
			case c.IsSet("machine"):
				return usagef("--machine goes with --explain")
			case asJSON:
				return p.Plan.WriteJSON(c.App.Writer)
			}
			return p.Plan.WriteTable(c.App.Writer)
		},
	}
}

// explain prints one line for each source that a machine has the file from, the one that is in effect last.
func explain(c *cli.Context, p *build.Project) error {
	file := c.String("explain")
	if !path.IsAbs(file) {
		return usagef("--explain takes the absolute path of a file on a machine, not %q", file)
	}
	name := c.String("machine")
	if name != "" && !slices.ContainsFunc(p.Plan.Machines, func(m plan.Machine) bool { return m.Name == name }) {
		return usagef("no machine is called %q", name)
	}
	sources, err := p.Explain(file, name)
	if err != nil {
		return err
	}
	if len(sources) == 0 {
		return errors.New(file + ": no source of the machines has it; where they have it, it is the base's")
	}
	for _, s := range sources {
		if _, err := fmt.Fprintf(c.App.Writer, "%s\t%s\n", s.Machine, s.Origin); err != nil {
			return err
		}
	}
	return nil
}
