package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nodekiln/nodekiln/pkg/build"
	"github.com/nodekiln/nodekiln/pkg/cluster"
)

// Exit codes.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitInvalid = 3
	// exitBrokenPipe is what a shell shows of a program that ended by SIGPIPE.
	exitBrokenPipe = 128 + int(syscall.SIGPIPE)
)

// environment is what the commands use of the process.
type environment struct {
	stdout, stderr io.Writer
	getenv         func(string) string
	cacheDir       func() (string, error)
}

// usageError is a command line that can not be carried out.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// execute runs the command line and gives the exit code.
func execute(ctx context.Context, args []string, env environment) int {
	app := newApp(env)
	err := app.RunContext(ctx, flagsFirst(app, args))
	if err == nil {
		return 0
	}
	var usage usageError
	var invalid *cluster.InvalidError
	// Only package cli's own errors are such; a program that failed is wrapped in what it was run for.
	_, unknownTopic := err.(cli.ExitCoder)
	switch {
	case errors.Is(err, syscall.EPIPE), errors.Is(context.Cause(ctx), syscall.EPIPE):
		// Nobody is left to be told.
		return exitBrokenPipe
	case errors.As(err, &invalid):
		fmt.Fprintln(env.stderr, invalid)
		return exitInvalid
	case errors.As(err, &usage), unknownTopic:
		fmt.Fprintf(env.stderr, "nodekiln: %v (see 'nodekiln help')\n", err)
		return exitUsage
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(env.stderr, "nodekiln: interrupted")
	default:
		fmt.Fprintf(env.stderr, "nodekiln: %v\n", err)
	}
	return exitFailed
}

func newApp(env environment) *cli.App {
	app := &cli.App{
		Name:            "nodekiln",
		Usage:           "bake bootable images for the machines of a cluster from one cluster file",
		Version:         version,
		Writer:          env.stdout,
		ErrWriter:       env.stderr,
		HideHelpCommand: false,
		ExitErrHandler:  func(*cli.Context, error) {},
		OnUsageError:    func(_ *cli.Context, err error, _ bool) error { return usageError{err} },
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usagef("no command is called %q", c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{
			initCommand(), validateCommand(), planCommand(), schemaCommand(), certsCommand(env),
			renderCommand(env), buildCommand(env), bootCommand(env), testCommand(env),
		},
	}
	for _, c := range app.Commands {
		c.OnUsageError = app.OnUsageError
		for _, sub := range c.Subcommands {
			sub.OnUsageError = app.OnUsageError
		}
	}
	return app
}

// oneArg gives the only argument of a command.
func oneArg(c *cli.Context, what string) (string, error) {
	if n := c.NArg(); n != 1 {
		return "", usagef("%s takes one %s, not %d", c.Command.Name, what, n)
	}
	return c.Args().First(), nil
}

const clusterFile = "cluster file"

// load reads the cluster file that is the command's only argument.
func load(c *cli.Context) (*build.Project, error) {
	file, err := oneArg(c, clusterFile)
	if err != nil {
		return nil, err
	}
	return build.Load(file, time.Now())
}

// countMachines says how many machines a project has.
func countMachines(p *build.Project) string {
	if n := len(p.Plan.Machines); n != 1 {
		return fmt.Sprintf("%d machines", n)
	}
	return "1 machine"
}

// tellNewKeys says that a project has no keys yet, and is about to get some. It may be a new one, or one that was renamed
// or copied without its keys, whose machines would no longer trust each other.
func tellNewKeys(stderr io.Writer, p *build.Project) {
	if _, err := os.Lstat(p.BundleDir()); errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(stderr, "nodekiln: there is no %s: the keys of a new cluster are made there; keep it, and keep it secret\n", p.BundleDir())
	}
}

func outFlag() *cli.StringFlag {
	return &cli.StringFlag{Name: "out", Aliases: []string{"o"}, Value: "out", Usage: "`DIR` that the results are written below"}
}

// outDir gives the directory of outFlag. An empty one is a variable of a script that was not set.
func outDir(c *cli.Context) (string, error) {
	dir := c.String("out")
	if dir == "" {
		return "", usagef("--out is empty; the working directory is --out .")
	}
	return dir, nil
}

func formatFlag() *cli.StringFlag {
	return &cli.StringFlag{Name: "format", Value: "text", Usage: "`FORMAT` of the output: text or json"}
}

// jsonAsked tells whether the format flag asks for JSON.
func jsonAsked(c *cli.Context) (bool, error) {
	switch f := c.String("format"); f {
	case "text", "json":
		return f == "json", nil
	default:
		return false, usagef("--format is text or json, not %q", f)
	}
}

func cacheFlag() *cli.StringFlag {
	return &cli.StringFlag{Name: "cache-dir", Usage: "`DIR` that bases are kept in (default: nodekiln below the user's cache directory)"}
}

func (e environment) cache(c *cli.Context) (string, error) {
	if dir := c.String("cache-dir"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := e.cacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache directory (or give --cache-dir): %w", err)
	}
	return filepath.Join(dir, "nodekiln"), nil
}

// epoch gives the time that files are stamped with: SOURCE_DATE_EPOCH where it is set (reproducible-builds.org).
func (e environment) epoch() (time.Time, error) {
	s := e.getenv("SOURCE_DATE_EPOCH")
	if s == "" {
		return build.DefaultEpoch(), nil
	}
	sec, err := strconv.ParseInt(s, 10, 64)
	if err != nil || sec < 0 {
		return time.Time{}, usagef("SOURCE_DATE_EPOCH is %q, not a number of seconds", s)
	}
	return time.Unix(sec, 0).UTC(), nil
}
