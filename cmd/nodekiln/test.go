package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nodekiln/nodekiln/pkg/junit"
	"github.com/nodekiln/nodekiln/pkg/lab"
	"github.com/nodekiln/nodekiln/pkg/verdict"
)

func testCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:      "test",
		Usage:     "switch the built machines on in QEMU, wait until all are healthy, judge the cluster that they are, and switch them off; nothing is kept",
		ArgsUsage: "CLUSTER",
		Flags: append(
			labFlags(),
			&cli.StringFlag{Name: "junit", Usage: "write the results to `FILE` as JUnit XML too"},
			&cli.StringFlag{Name: "kubeconfig", Usage: "judge the cluster that the administrator's kubeconfig `FILE` leads to, which runs already, in the place of one in QEMU"},
		),
		Action: func(c *cli.Context) error {
			if c.IsSet("kubeconfig") {
				return testRunning(c, env)
			}
			return inLab(c, env, nil, func(l *lab.Lab, at place) error { return testLab(c, env, l, at) })
		},
	}
}

// testLab waits for the lab's machines, and judges their cluster when all are healthy.
func testLab(c *cli.Context, env environment, l *lab.Lab, at place) error {
	results, err := untilHealthy(c, l)
	if results == nil {
		return err
	}
	name := at.project.Plan.Cluster
	suites := []junit.Suite{lab.Suite(name, results)}
	if want, ok := at.project.Expected(); ok && err == nil {
		var access verdict.Access
		if access, err = at.project.LabAccess(at.images, results); err == nil {
			var checks junit.Suite
			checks, err = judge(c, env, access, want, poweredOn(results))
			checks.Name = name + " checks"
			suites = append(suites, checks)
		}
	}
	return errors.Join(err, writeJUnit(c, suites))
}

// poweredOn gives when the first of the machines was switched on.
func poweredOn(results []lab.Result) time.Time {
	first := results[0].Since
	for _, r := range results {
		if r.Since.Before(first) {
			first = r.Since
		}
	}
	return first
}

// testRunning judges a cluster that is no lab's.
func testRunning(c *cli.Context, env environment) error {
	p, err := load(c)
	if err != nil {
		return err
	}
	want, ok := p.Expected()
	if !ok {
		return usagef("%s is of the profile %s, which is no cluster of Kubernetes with an operator: --kubeconfig is for those", p.File, p.Plan.Profile)
	}
	var access verdict.Access
	if access.Kubeconfig, err = os.ReadFile(c.String("kubeconfig")); err != nil {
		return fmt.Errorf("read how the cluster is reached: %w", err)
	}
	checks, err := judge(c, env, access, want, time.Now())
	checks.Name = p.Plan.Cluster
	return errors.Join(err, writeJUnit(c, []junit.Suite{checks}))
}

// judge judges a cluster and prints the tables of what was found.
func judge(c *cli.Context, env environment, a verdict.Access, want verdict.Cluster, powerOn time.Time) (junit.Suite, error) {
	limit := c.Duration("timeout")
	ctx, cancel := context.WithTimeoutCause(c.Context, limit, fmt.Errorf("not within %s", limit))
	defer cancel()
	v, err := verdict.Judge(ctx, a, want, verdict.Options{
		PowerOn: powerOn, Now: time.Now, Notice: func(text string) { fmt.Fprintln(env.stderr, text) },
	})
	if err != nil {
		return junit.Suite{}, err
	}
	_, err = fmt.Fprintln(c.App.Writer)
	return v.Suite(""), errors.Join(err, v.WriteTable(c.App.Writer), v.Err(), c.Context.Err())
}

// writeJUnit writes the report that was asked for.
func writeJUnit(c *cli.Context, suites []junit.Suite) error {
	file := c.String("junit")
	if file == "" {
		return nil
	}
	return writeFile(file, 0o644, func(w io.Writer) error { return junit.Write(w, suites...) })
}
