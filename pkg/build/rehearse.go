package build

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/machine"
	"github.com/nodekiln/nodekiln/pkg/payload"
	"github.com/nodekiln/nodekiln/pkg/pki"
	"github.com/nodekiln/nodekiln/pkg/plan"
)

// rehearse executes the templates of every machine with keys that are worth nothing, and reports what fails: a template,
// an overlay, or what a payload can not hold. Of machines that have the same roles and additions, one is configured.
func rehearse(spec *cluster.Spec, p *Project, problems *cluster.Problems) {
	bundle, err := pki.Rehearse(p.Plan.PKI, p.machineNames())
	if err != nil {
		problems.Addf("pki", "%v", err)
		return
	}
	c, err := machine.NewConfigurer(p.Plan, p.Profile, bundle)
	if err != nil {
		unusable(err, problems)
		return
	}
	errs := make([]error, len(p.Plan.Machines))
	seen := map[string]bool{}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, m := range p.Plan.Machines {
		alike := likeness(m)
		rehearse := func(m plan.Machine) error {
			_, err := c.Execute(m)
			return err
		}
		if !seen[alike] {
			seen[alike] = true
			rehearse = func(m plan.Machine) error { return configure(c, p.Plan, m) }
		}
		group.Go(func() error {
			errs[i] = rehearse(m)
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	failed := map[string][]int{}
	for i, err := range errs {
		if err != nil {
			text := redact(err, bundle, p.Plan).Error()
			failed[text] = append(failed[text], i)
		}
	}
	for _, text := range slices.Sorted(maps.Keys(failed)) {
		machines := failed[text]
		problems.Addf(spec.Machines[machines[0]].Path, "%s: %s", some(p.Plan.Machines, machines), text)
	}
	if len(failed) == 0 {
		checkArgs(spec, p.Plan, c, problems)
	}
}

// unusable reports each overlay and Butane template that can not be used where the cluster file names it, and what is
// wrong with the profile itself at the profile. Nothing has been executed, and no secret can be in it.
func unusable(err error, problems *cluster.Problems) {
	var addition *machine.AdditionError
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			unusable(e, problems)
		}
	} else if errors.As(err, &addition) {
		problems.Addf(addition.Path, "%v", addition)
	} else {
		problems.Addf("profile", "%v", err)
	}
}

// likeness is the same for machines that are made of the same sources.
func likeness(m plan.Machine) string {
	parts := slices.Clone(m.Roles)
	for _, a := range m.Additions {
		parts = append(parts, a.Origin)
	}
	return strings.Join(parts, " ")
}

func configure(c *machine.Configurer, p *plan.Plan, m plan.Machine) error {
	cfg, err := c.Configure(m)
	if err != nil {
		return err
	}
	// A unit without contents may be the base's, which there may not be yet.
	if _, err = payload.Rootfs(cfg, nil, time.Time{}); err != nil && !errors.Is(err, payload.ErrNoBase) {
		return err
	}
	if err := payload.CheckIgnition(cfg); err != nil {
		return err
	}
	// One key that stands for many compresses better than they would: what fits here may still be too large.
	_, err = payload.CloudInit(cfg, host(p, m), target(p))
	return err
}

// some names the first of several machines, and says how many others there are.
func some(machines []plan.Machine, which []int) string {
	name := machines[which[0]].Name
	switch n := len(which) - 1; n {
	case 0:
		return name
	case 1:
		return name + " and 1 more machine"
	default:
		return fmt.Sprintf("%s and %d more machines", name, n)
	}
}

// Source is where a machine has a file from.
type Source struct{ Machine, Origin string }

// Explain tells where the machines have the file at the path from, the lowest source first and the one that is in effect
// last. A name restricts it to that machine.
func (p *Project) Explain(file, name string) ([]Source, error) {
	bundle, err := pki.Rehearse(p.Plan.PKI, p.machineNames())
	if err != nil {
		return nil, err
	}
	c, err := machine.NewConfigurer(p.Plan, p.Profile, bundle)
	if err != nil {
		return nil, err
	}
	var out []Source
	for _, m := range p.Plan.Machines {
		if name != "" && name != m.Name {
			continue
		}
		origins, err := c.Explain(m, file)
		if err != nil {
			return nil, fmt.Errorf("machine %s: %w", m.Name, err)
		}
		for _, o := range origins {
			out = append(out, Source{m.Name, o})
		}
	}
	return out, nil
}
