package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nodekiln/nodekiln/pkg/pki"
)

func certsCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:      "certs",
		Usage:     "show who holds which certificate, and until when; renew issues them anew",
		ArgsUsage: "CLUSTER",
		Flags:     []cli.Flag{formatFlag()},
		// Package cli would make "help" one as well.
		HideHelpCommand: true,
		Subcommands:     []*cli.Command{renewCommand(env)},
		Action: func(c *cli.Context) error {
			asJSON, err := jsonAsked(c)
			if err != nil {
				return err
			}
			p, err := load(c)
			if err != nil {
				return err
			}
			bundle, err := pki.Open(p.BundleDir())
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("no certificate has been issued yet; build and render do it: %w", err)
			} else if err != nil {
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
