package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nodekiln/nodekiln/pkg/build"
	"github.com/nodekiln/nodekiln/pkg/pki"
	"github.com/nodekiln/nodekiln/pkg/plan"
)

func renewCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:      "renew",
		Usage:     "issue certificates anew that expire soon or lack what the cluster file asks for; keys stay the same",
		ArgsUsage: "CLUSTER",
		Flags: []cli.Flag{
			formatFlag(),
			&cli.StringFlag{Name: "within", Value: "30d", Usage: "renew what expires within `TIME`, as in 30d or 12h; 0 is what has expired"},
			&cli.BoolFlag{Name: "all", Usage: "renew all certificates, whenever they expire"},
			&cli.StringSliceFlag{Name: "machine", Usage: "renew only what the machine of this `NAME` holds (may be given again)"},
			&cli.BoolFlag{Name: "authorities", Usage: "renew authorities too, with the same key and subject: what they signed stays valid"},
			&cli.BoolFlag{Name: "dry-run", Usage: "show what would be renewed, and write nothing"},
		},
		Action: func(c *cli.Context) error {
			asJSON, err := jsonAsked(c)
			if err != nil {
				return err
			}
			o := pki.RenewOptions{
				All: c.Bool("all"), Machines: c.StringSlice("machine"), Authorities: c.Bool("authorities"), DryRun: c.Bool("dry-run"),
			}
			if o.All && c.IsSet("within") {
				return usagef("--all and --within exclude each other")
			}
			if o.Within, err = parseDays(c.String("within")); err != nil {
				return usagef("--within: %w", err)
			}
			p, err := load(c)
			if err != nil {
				return err
			}
			return renew(c, env.stderr, p, o, asJSON)
		},
	}
}

func renew(c *cli.Context, stderr io.Writer, p *build.Project, o pki.RenewOptions, asJSON bool) error {
	var machines []string
	for _, m := range p.Plan.Machines {
		machines = append(machines, m.Name)
	}
	for _, name := range o.Machines {
		if !slices.ContainsFunc(p.Plan.Machines, func(m plan.Machine) bool { return m.Name == name }) {
			return usagef("no machine is called %q", name)
		}
	}
	renewed, err := pki.Renew(c.Context, p.BundleDir(), p.Plan.PKI, machines, o)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no certificate has been issued yet; build and render do it: %w", err)
	} else if err != nil {
		return fmt.Errorf("renew certificates: %w", err)
	}
	if err := writeRenewed(c.App.Writer, renewed, asJSON); err != nil {
		return err
	}
	return tellRenewed(stderr, p.File, renewed, o)
}

func writeRenewed(w io.Writer, renewed []pki.Renewed, asJSON bool) error {
	switch {
	case asJSON:
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(append([]pki.Renewed{}, renewed...)) // a list where there is none, too
	case len(renewed) > 0:
		return pki.WriteRenewed(w, renewed)
	}
	return nil
}

// tellRenewed says what to do next. What could not be renewed is an error, so that whoever calls nodekiln by the clock
// learns of it.
func tellRenewed(stderr io.Writer, file string, renewed []pki.Renewed, o pki.RenewOptions) error {
	byKind := map[pki.Kind]int{}
	obstacles := 0
	for _, r := range renewed {
		if r.Obstacle != "" {
			obstacles++
			continue
		}
		byKind[r.Kind]++
	}
	next := ""
	switch {
	case byKind[pki.KindAuthority] > 0:
		next = fmt.Sprintf("'nodekiln build %s --force' bakes them in; the images of all machines that trust the authority change", file)
	case byKind[pki.KindMachine] > 0:
		next = fmt.Sprintf("'nodekiln build %s --force' bakes them in; only the images of these machines change", file)
	case byKind[pki.KindOperator] > 0:
		next = fmt.Sprintf("'nodekiln build %s --force' writes it into the operator's files; no machine's image changes", file)
	}
	switch {
	case len(renewed) == 0:
		fmt.Fprintln(stderr, "nodekiln: no certificate has to be renewed")
	case next != "" && o.DryRun:
		fmt.Fprintln(stderr, "nodekiln: nothing was written (--dry-run)")
	case next != "":
		fmt.Fprintf(stderr, "nodekiln: %s; the old certificates are kept below 'previous' in the bundle\n", next)
		if byKind[pki.KindAuthority]+byKind[pki.KindMachine] > 0 {
			fmt.Fprintf(stderr, "nodekiln: a machine whose image is its disk would lose what it has written there: copy to it what 'nodekiln render %s' writes\n", file)
		}
	}
	if obstacles > 0 {
		return fmt.Errorf("%d of the certificates could not be renewed; the table says why", obstacles)
	}
	return nil
}

var daysPattern = regexp.MustCompile(`^([0-9]{1,5})d(.*)$`)

// parseDays reads a duration of Go (12h), which may begin with days of 24 hours (30d, 1d12h), or 0.
func parseDays(text string) (time.Duration, error) {
	var total time.Duration
	rest := text
	if m := daysPattern.FindStringSubmatch(text); m != nil {
		days, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, err
		}
		total, rest = time.Duration(days)*24*time.Hour, m[2]
		if rest == "" {
			return total, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no duration; write it in days or hours, as in 30d or 12h", text)
	}
	return total + d, nil
}
