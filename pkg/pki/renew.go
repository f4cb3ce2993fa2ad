package pki

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// RenewOptions tell which certificates are to be issued anew.
type RenewOptions struct {
	// Within is how soon a certificate has to expire: those that have expired are renewed at least.
	Within time.Duration
	// All renews certificates whatever their end.
	All bool
	// Machines restricts it to certificates that these hold; none stands for all of them and the operator.
	Machines []string
	// Authorities renews those of the cluster's authorities too that Within or All is true of.
	Authorities bool
	// DryRun writes nothing.
	DryRun bool
}

// Renewed is a certificate that was issued anew, or that would have to be and cannot.
type Renewed struct {
	Kind Kind `json:"kind"`
	// Holder of the private key: a machine's name, "" for an authority and the operator.
	Holder string `json:"holder,omitempty"`
	// Name of the certificate within its holder, or of the authority.
	Name string `json:"name"`
	// OldEnd and NewEnd are when the certificate expired, and when it now does.
	OldEnd time.Time `json:"oldEnd"`
	NewEnd time.Time `json:"newEnd,omitzero"`
	// Lacking is what the old certificate lacked of what the plan asks for.
	Lacking []string `json:"lacking,omitempty"`
	// Previous is the path within the bundle of the old certificate's copy.
	Previous string `json:"previous,omitempty"`
	// Obstacle is why the certificate could not be renewed and what to do, "" where it was.
	Obstacle string `json:"obstacle,omitempty"`
}

// Renew issues certificates of a bundle anew, with the same keys: those that expire soon, and all that do not say what
// the plan asks for or would outlive their authority. An authority keeps its subject as well, so that whatever it signed
// stays valid. What is missing is left to Ensure.
//
// A copy of each old certificate is kept below "previous" in the bundle. Renew can be interrupted at any time, and the
// bundle is sound: copies are written first, then authorities, then what they signed. The next call does the rest.
//
// Callers of Ensure and Renew exclude each other by a lock, across processes. Waiting for it ends with the context.
func Renew(ctx context.Context, dir string, want plan.PKI, machines []string, r RenewOptions, opts ...Option) ([]Renewed, error) {
	o := options{now: time.Now, rename: (*os.Root).Rename}
	for _, opt := range opts {
		opt(&o)
	}
	if err := checkPlan(want, machines); err != nil {
		return nil, err
	}
	for _, m := range r.Machines {
		if !slices.Contains(machines, m) {
			return nil, fmt.Errorf("renew certificates: there is no machine %s", m)
		}
	}
	s, err := openStore(dir)
	if err != nil {
		return nil, err
	}
	defer s.close()
	s.rename = o.rename
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	now := o.now().UTC().Truncate(time.Second)
	b, err := s.load(want, machines, now)
	if err != nil {
		return nil, err
	}
	if err := (checker{s, want, now}).checkSound(b); err != nil {
		return nil, err
	}
	w := renewal{issuer: issuer{want, now}, options: r, bundle: b}
	if err := w.authorities(); err != nil {
		return nil, err
	}
	if err := w.certificates(ctx); err != nil {
		return nil, err
	}
	if r.DryRun {
		return w.renewed, nil
	}
	if err := s.discardStaged(); err != nil {
		return nil, err
	}
	w.changes.previous = slices.DeleteFunc(w.changes.previous, func(f file) bool {
		_, err := s.root.Lstat(f.path)
		return err == nil // an interrupted call has made the copy, whose name tells its content
	})
	return w.renewed, s.commit(w.changes)
}
