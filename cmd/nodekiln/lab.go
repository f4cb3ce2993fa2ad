package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nodekiln/nodekiln/pkg/build"
	"github.com/nodekiln/nodekiln/pkg/lab"
)

// shutdownLimit is how long machines may take to switch themselves off before they are cut off.
const shutdownLimit = time.Minute

func labFlags() []cli.Flag {
	return []cli.Flag{
		outFlag(),
		&cli.StringFlag{Name: "firmware", Value: "bios", Usage: "`FIRMWARE` that starts the machines: bios or uefi"},
		&cli.StringFlag{Name: "accel", Value: "auto", Usage: "`ACCELERATOR`: kvm, tcg, or auto for KVM where it works"},
		&cli.StringFlag{Name: "bus", Value: "virtio", Usage: "`BUS` of the disks: virtio, ahci or nvme"},
		&cli.StringFlag{Name: "nic", Value: "virtio-net", Usage: "`MODEL` of the network cards: virtio-net or e1000"},
		&cli.DurationFlag{Name: "timeout", Value: 15 * time.Minute, Usage: "how long the machines may take to become healthy"},
		&cli.BoolFlag{Name: "quiet", Usage: "do not show the machines' consoles"},
	}
}

func bootCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:      "boot",
		Usage:     "switch the built machines on in QEMU, until interrupted; what they write is kept beside their images",
		ArgsUsage: "CLUSTER",
		Flags:     append(labFlags(), &cli.BoolFlag{Name: "fresh", Usage: "forget what the machines have written before"}),
		Action: func(c *cli.Context) error {
			return inLab(c, env, func(dir string, o *lab.Options) {
				o.StateDir, o.Fresh = filepath.Join(dir, "state"), c.Bool("fresh")
			}, func(l *lab.Lab, _ string) error { return untilInterrupted(c, env, l) })
		},
	}
}

func testCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:      "test",
		Usage:     "switch the built machines on in QEMU, wait until all are healthy, and switch them off; nothing is kept",
		ArgsUsage: "CLUSTER",
		Flags:     append(labFlags(), &cli.StringFlag{Name: "junit", Usage: "write the results to `FILE` as JUnit XML too"}),
		Action: func(c *cli.Context) error {
			return inLab(c, env, nil, func(l *lab.Lab, cluster string) error {
				results, err := untilHealthy(c, l)
				if results == nil {
					return err
				}
				if file := c.String("junit"); file != "" {
					err = errors.Join(err, writeFile(file, func(w io.Writer) error { return lab.WriteJUnit(w, cluster, results) }))
				}
				return err
			})
		},
	}
}

// inLab runs the machines of the cluster file that is the command's argument, and ends them after use.
func inLab(c *cli.Context, env environment, set func(dir string, o *lab.Options), use func(l *lab.Lab, cluster string) error) (err error) {
	p, err := load(c)
	if err != nil {
		return err
	}
	dir := filepath.Join(c.String("out"), p.Plan.Cluster)
	manifest, err := build.ReadManifest(dir)
	if err != nil {
		return err
	}
	o := lab.Options{
		Firmware: c.String("firmware"), Accel: c.String("accel"), Bus: c.String("bus"), NIC: c.String("nic"),
		Notice: func(text string) { fmt.Fprintln(env.stderr, text) }, Now: time.Now,
	}
	if !c.Bool("quiet") {
		o.Console = env.stderr
	}
	if set != nil {
		set(dir, &o)
	}
	l, err := lab.Start(c.Context, build.Machines(dir, manifest), o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return use(l, manifest.Cluster)
}

// untilHealthy waits for all machines and prints the table of results.
func untilHealthy(c *cli.Context, l *lab.Lab) ([]lab.Result, error) {
	limit := c.Duration("timeout")
	ctx, cancel := context.WithTimeoutCause(c.Context, limit, fmt.Errorf("not healthy within %s", limit))
	defer cancel()
	results, err := l.WaitHealthy(ctx)
	if results != nil {
		err = errors.Join(lab.WriteTable(c.App.Writer, results), err)
	}
	return results, err
}

// untilInterrupted runs the machines until the user has had enough, and then presses their power buttons.
func untilInterrupted(c *cli.Context, env environment, l *lab.Lab) error {
	if _, err := untilHealthy(c, l); err != nil {
		if c.Context.Err() != nil {
			return err
		}
		// A machine that is not healthy is what one logs in to look at.
		fmt.Fprintln(env.stderr, "nodekiln:", err)
	}
	fmt.Fprintln(env.stderr, "the machines run until you press Ctrl-C")
	<-c.Context.Done()
	fmt.Fprintln(env.stderr, "switching the machines off; Ctrl-C again cuts them off")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context), shutdownLimit)
	defer cancel()
	return l.Shutdown(ctx)
}

// writeFile writes a result to a file, which has its name only when it is whole.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".nodekiln-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := errors.Join(write(f), f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}
