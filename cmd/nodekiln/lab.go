package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nodekiln/nodekiln/pkg/build"
	"github.com/nodekiln/nodekiln/pkg/lab"
	"github.com/nodekiln/nodekiln/pkg/pki"
	"github.com/nodekiln/nodekiln/pkg/profile"
	"github.com/nodekiln/nodekiln/pkg/tool"
	"github.com/nodekiln/nodekiln/pkg/verdict"
)

// shutdownLimit is how long machines may take to switch themselves off before they are cut off.
const shutdownLimit = time.Minute

// stateName is the directory beside the images that has what machines write which are kept.
const stateName = "state"

func labFlags() []cli.Flag {
	return []cli.Flag{
		outFlag(),
		&cli.StringFlag{Name: "firmware", Value: "bios", Usage: "`FIRMWARE` that starts the machines: bios or uefi"},
		&cli.StringFlag{Name: "accel", Value: "auto", Usage: "`ACCELERATOR`: kvm, tcg, or auto for KVM where it works"},
		&cli.StringFlag{Name: "bus", Value: "virtio", Usage: "`BUS` of the disks: virtio, ahci or nvme"},
		&cli.StringFlag{Name: "nic", Value: "virtio-net", Usage: "`MODEL` of the network cards: virtio-net or e1000"},
		&cli.DurationFlag{Name: "timeout", Value: 15 * time.Minute, Usage: "how long the machines may take to become healthy, and then their cluster to pass its checks"},
		&cli.BoolFlag{Name: "quiet", Usage: "do not show the machines' consoles"},
	}
}

func bootCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:      "boot",
		Usage:     "switch the built machines on in QEMU, until interrupted; what they write is kept beside their images",
		ArgsUsage: "CLUSTER",
		Flags: append(labFlags(), &cli.BoolFlag{Name: "fresh", Usage: "forget what the machines have written before"},
			&cli.StringSliceFlag{Name: "only", Usage: "switch on the machines of these `NAMES` alone, with commas between them"}),
		Action: func(c *cli.Context) error {
			return inLab(c, env, func(dir string, o *lab.Options) {
				o.StateDir, o.Fresh = filepath.Join(dir, stateName), c.Bool("fresh")
			}, func(l *lab.Lab, at place) error { return untilInterrupted(c, env, l, at) })
		},
	}
}

// place is where the things of a cluster are: its images, and its keys.
type place struct {
	project        *build.Project
	images, bundle string
}

// login gives the command that opens a shell on a machine whose SSH port is forwarded to that address of this computer.
func (p place) login(machine, address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	return tool.Cmd{Name: "ssh", Args: []string{
		"-i", filepath.Join(p.bundle, pki.OperatorKeyFile), "-o", "UserKnownHostsFile=" + filepath.Join(p.images, build.KnownHostsName),
		"-o", "HostKeyAlias=" + machine, "-p", port, "root@" + host,
	}}.String(), nil
}

// inLab runs the machines of the cluster file that is the command's argument, and ends them after use.
func inLab(c *cli.Context, env environment, set func(dir string, o *lab.Options), use func(*lab.Lab, place) error) (err error) {
	out, err := outDir(c)
	if err != nil {
		return err
	}
	o, err := labOptions(c, env)
	if err != nil {
		return err
	}
	p, err := load(c)
	if err != nil {
		return err
	}
	dir := filepath.Join(out, p.Plan.Cluster)
	manifest, err := build.ReadManifest(dir)
	if err != nil {
		return err
	}
	if err := manifest.Verify(dir); err != nil {
		return err
	}
	if set != nil {
		set(dir, &o)
	}
	machines, err := chosen(build.Machines(dir, manifest), c.StringSlice("only"))
	if err != nil {
		return err
	}
	l, err := lab.Start(c.Context, machines, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return use(l, place{project: p, images: dir, bundle: p.BundleDir()})
}

// chosen gives the machines of these names, in their own order, and without names all.
func chosen(machines []lab.Machine, names []string) ([]lab.Machine, error) {
	if len(names) == 0 {
		return machines, nil
	}
	var out []lab.Machine
	var known []string
	for _, m := range machines {
		known = append(known, m.Name)
		if slices.Contains(names, m.Name) {
			out = append(out, m)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, usagef("--only: no machine is called %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return out, nil
}

// labOptions gives what the flags ask for.
func labOptions(c *cli.Context, env environment) (lab.Options, error) {
	o := lab.Options{
		Firmware: c.String("firmware"), Accel: c.String("accel"), Bus: c.String("bus"), NIC: c.String("nic"),
		Notice: func(text string) { fmt.Fprintln(env.stderr, text) }, Now: time.Now,
	}
	if !c.Bool("quiet") {
		o.Console = env.stderr
	}
	if limit := c.Duration("timeout"); limit <= 0 {
		return o, usagef("--timeout is more than 0, not %s", limit)
	}
	if err := o.Validate(); err != nil {
		return o, usageError{err}
	}
	return o, nil
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
func untilInterrupted(c *cli.Context, env environment, l *lab.Lab, at place) error {
	results, err := untilHealthy(c, l)
	if err != nil {
		if c.Context.Err() != nil {
			return err
		}
		// A machine that is not healthy is what one logs in to look at.
		fmt.Fprintln(env.stderr, "nodekiln:", err)
	}
	for _, r := range results {
		command, err := at.login(r.Machine, r.Forwards[profile.SSHPortName])
		if err != nil {
			return fmt.Errorf("the SSH port of %s: %w", r.Machine, err)
		}
		fmt.Fprintln(env.stderr, command)
	}
	if err := kubectl(env, at, results); err != nil {
		return err
	}
	fmt.Fprintln(env.stderr, "the machines run until you press Ctrl-C")
	<-c.Context.Done()
	fmt.Fprintln(env.stderr, "switching the machines off; Ctrl-C again cuts them off")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context), shutdownLimit)
	defer cancel()
	return l.Shutdown(ctx)
}

// kubectl prints the command that asks the lab's API, if there is one, by a kubeconfig that it writes.
func kubectl(env environment, at place, results []lab.Result) error {
	if _, ok := at.project.Expected(); !ok {
		return nil
	}
	access, err := at.project.LabAccess(at.images, results)
	if err != nil {
		return err
	}
	config, err := verdict.Redirect(access.Kubeconfig, "https://"+access.Masters[0].Address)
	if err != nil {
		return err
	}
	name := filepath.Join(at.images, stateName, "kubeconfig")
	if err := writeFile(name, 0o600, func(w io.Writer) error { _, err := w.Write(config); return err }); err != nil {
		return err
	}
	fmt.Fprintln(env.stderr, tool.Cmd{Name: "kubectl", Args: []string{"--kubeconfig", name, "get", "nodes"}})
	return nil
}

// writeFile writes a result to a file, which has its name only when it is whole.
func writeFile(path string, mode os.FileMode, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".nodekiln-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := errors.Join(write(f), f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}
