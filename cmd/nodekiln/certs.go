package main

import (
	"encoding/json"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nodekiln/nodekiln/pkg/pki"
)

func certsCommand() *cli.Command {
	return &cli.Command{
		Name:      "certs",
		Usage:     "show who holds which certificate, and until when; issues those that are missing",
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
			bundle, err := p.Bundle(c.Context)
			if err != nil {
				return err
			}
			rows := bundle.List(time.Now())
			if !asJSON {
				return pki.WriteTable(c.App.Writer, rows)
			}
			enc := json.NewEncoder(c.App.Writer)
			enc.SetIndent("", "  ")
			return enc.Encode(rows)
		},
	}
}
