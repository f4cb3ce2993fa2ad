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

func certsCommand() *cli.Command {
	return &cli.Command{
		Name:      "certs",
		Usage:     "show who holds which certificate, and until when",
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
