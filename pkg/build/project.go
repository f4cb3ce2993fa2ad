package build

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nodekiln/nodekiln/pkg/cluster"
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

// Load reads and plans a cluster file. All that is wrong with the file comes as one *cluster.InvalidError.
func Load(file string) (*Project, error) {
	var prof *profile.Profile
	spec, err := cluster.Load(file, func(spec *cluster.Spec, problems *cluster.Problems) {
		p, err := profile.Load(spec.Profile)
		if err != nil {
			problems.Addf("profile", "%v", err)
			return
		}
		prof = p
		plan.Check(spec, prof, problems)
	})
	if err != nil {
		return nil, err
	}
	return &Project{File: file, Profile: prof, Plan: plan.New(spec, prof)}, nil
}

// BundleDir is where the project's keys and certificates are kept: beside the cluster file.
func (p *Project) BundleDir() string {
	return filepath.Join(filepath.Dir(p.File), p.Plan.Cluster+".pki")
}

// Bundle gives the project's keys and certificates, and makes those that are missing.
func (p *Project) Bundle(ctx context.Context) (*pki.Bundle, error) {
	names := make([]string, 0, len(p.Plan.Machines))
	for _, m := range p.Plan.Machines {
		names = append(names, m.Name)
	}
	b, err := pki.Ensure(ctx, p.BundleDir(), p.Plan.PKI, names)
	if err != nil {
		return nil, fmt.Errorf("keys and certificates: %w", err)
	}
	return b, nil
}

// redact hides the project's secrets in what a template, a parser or a writer says of a machine's files.
func redact(err error, b *pki.Bundle, p *plan.Plan) error {
	var hashes []string
	for _, u := range p.Users {
		hashes = append(hashes, u.PasswordHash)
	}
	return b.Redact(err, hashes...)
}
