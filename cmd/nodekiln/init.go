package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/nodekiln/nodekiln/pkg/profile"
)

// initName is what the file is called if nobody names it.
const initName = "cluster.yaml"

func initCommand() *cli.Command {
	return &cli.Command{
		Name:      "init",
		Usage:     "write a cluster file to start from; an existing one is kept",
		ArgsUsage: "[FILE]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "profile", Usage: "`NAME` of the deployment: " + strings.Join(profile.Names(), ", ")},
		},
		Action: func(c *cli.Context) error {
			file := initName
			if c.NArg() > 1 {
				return usagef("init takes one file, not %d", c.NArg())
			} else if c.NArg() == 1 {
				file = c.Args().First()
			}
			if !c.IsSet("profile") {
				return usagef("init takes --profile: %s", strings.Join(profile.Names(), ", "))
			}
			p, err := profile.Load(c.String("profile"))
			if errors.Is(err, profile.ErrUnknown) {
				return usageError{err}
			} else if err != nil {
				return err
			}
			b, err := p.Example()
			if err != nil {
				return err
			}
			if err := writeNew(file, b); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.App.Writer, "%s: written; next: nodekiln build %s\n", file, file)
			return err
		},
	}
}

// writeNew writes a file that must not exist, whole or not at all.
func writeNew(file string, content []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists and is kept; give another name", file)
	} else if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(file))
	}
	return nil
}
