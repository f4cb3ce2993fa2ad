package build

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/component"
	"github.com/nodekiln/nodekiln/pkg/oci"
	"github.com/nodekiln/nodekiln/pkg/pki"
	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

// DefaultEpoch gives the time that files are stamped with where nobody sets another: 2025-01-01, later than the clock of
// a machine without a battery starts from, and earlier than any that runs.
func DefaultEpoch() time.Time { return time.Unix(1735689600, 0).UTC() }

// Project is a cluster file, read and planned.
type Project struct {
	// File is the path of the cluster file.
	File    string
	Profile *profile.Profile
	Plan    *plan.Plan
}

// Load reads and plans a cluster file, and rehearses the configuration of its machines. All that is wrong with the file
// comes as one *cluster.InvalidError; now is when what it brings has to be valid.
func Load(file string, now time.Time) (*Project, error) {
	p := &Project{File: file}
	_, err := cluster.Load(file, func(spec *cluster.Spec, problems *cluster.Problems) {
		if spec.Profile == "" {
			return // has a problem of its own
		}
		prof, err := profile.Load(spec.Profile)
		if err != nil {
			problems.Addf("profile", "%v", err)
			return
		}
		p.Profile = prof
		applyCFSSL(spec, problems)
		checkAuthorities(spec, now, problems)
		checkImages(spec, filepath.Dir(file), problems)
		plan.Check(spec, prof, problems)
		if problems.Err() != nil {
			return
		}
		p.Plan = plan.New(spec, prof)
		rehearse(spec, p, problems)
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// programs decides where the programs come from that the machines have beside those of their packages.
func (p *Project) programs(ctx context.Context, o component.Options) (*component.Set, error) {
	o.Dir = filepath.Dir(p.File)
	set, err := component.Choose(ctx, p.Plan.Base.Components, o)
	if err != nil {
		return nil, fmt.Errorf("the machines' programs: %w", err)
	}
	return set, nil
}

// images decides where the container images come from that are baked in.
func (p *Project) images(ctx context.Context, programs *component.Set, o oci.Options) (*oci.Set, error) {
	o.Dir, o.Insecure, o.Mirrors = filepath.Dir(p.File), p.Plan.Registries.Insecure, p.Plan.Registries.Mirrors
	o.Programs = func(name string) oci.Programs { return programs.Of(name) }
	set, err := oci.Choose(ctx, p.Plan.Base.Images, o)
	if err != nil {
		return nil, fmt.Errorf("container images: %w", err)
	}
	return set, nil
}

// BundleDir is where the project's keys and certificates are kept: beside the cluster file.
func (p *Project) BundleDir() string {
	return filepath.Join(filepath.Dir(p.File), p.Plan.Cluster+".pki")
}

// Bundle gives the project's keys and certificates, and makes those that are missing.
func (p *Project) Bundle(ctx context.Context) (*pki.Bundle, error) {
	b, err := pki.Ensure(ctx, p.BundleDir(), p.Plan.PKI, p.machineNames())
	if err != nil {
		return nil, fmt.Errorf("keys and certificates: %w", err)
	}
	return b, nil
}

func (p *Project) machineNames() []string {
	var names []string
	for _, m := range p.Plan.Machines {
		names = append(names, m.Name)
	}
	return names
}

// redact hides the project's secrets in what a template, a parser or a writer says of a machine's files.
func redact(err error, b *pki.Bundle, p *plan.Plan) error {
	var hashes []string
	for _, u := range p.Users {
		hashes = append(hashes, u.PasswordHash)
	}
	return b.Redact(err, hashes...)
}
