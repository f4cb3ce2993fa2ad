package pki

import (
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// batch is how many holders are issued to between two commits: enough that syncing costs little, and few enough that
// an interruption loses little of the seconds that each RSA key takes.
const batch = 64

// Option changes how Ensure works.
type Option func(*options)

type options struct {
	now    func() time.Time
	rename func(root *os.Root, from, to string) error
}

// WithClock gives Ensure another clock than that of the system.
func WithClock(now func() time.Time) Option {
	return func(o *options) { o.now = now }
}

// Ensure gives the bundle in the directory, with all that the plan and its machines need. It makes the directory and
// issues whatever is missing, and leaves the rest as it is.
//
// It refuses a bundle in which anything that the plan needs is wrong, before it writes anything, and says what to do
// for everything that it finds at once. What the bundle holds beyond the plan, for machines that are gone, is neither
// checked nor part of the result.
//
// Callers exclude each other by a lock, across processes. Waiting for it ends with the context.
func Ensure(ctx context.Context, dir string, want plan.PKI, machines []string, opts ...Option) (*Bundle, error) {
	o := options{now: time.Now, rename: (*os.Root).Rename}
	for _, opt := range opts {
		opt(&o)
	}
	if err := checkPlan(want, machines); err != nil {
		return nil, err
	}
	s, err := createStore(dir)
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
	if err := s.discardStaged(); err != nil {
		return nil, err
	}
	// Certificates have whole seconds; a fraction would let one outlive an authority of the same lifetime.
	now := o.now().UTC().Truncate(time.Second)
	b, err := s.load(want, machines, now)
	if err != nil {
		return nil, err
	}
	if err := (checker{s, want, now}).check(b); err != nil {
		return nil, err
	}
	i := issuer{want, now}
	if err := i.common(s, b); err != nil {
		return nil, err
	}
	if err := i.holders(ctx, s, b, append([]string{""}, machines...)); err != nil {
		return nil, err
	}
	return b, nil
}

// load reads what there is of what the plan asks for, and takes the authorities that the user brings.
func (s *store) load(want plan.PKI, machines []string, now time.Time) (*Bundle, error) {
	b := newBundle(s.dir)
	var problems []error
	collect := func(err error) { problems = append(problems, err) }
	var err error
	b.id, err = s.readID()
	collect(err)
	for _, a := range want.Authorities {
		b.keyMachines[a.Name] = a.KeyMachines
		p, err := s.readPair(authorityFiles(a.Name), "")
		collect(err)
		if err == nil {
			collect(s.bring(p, a, now))
			collect(s.readRequest(p))
		}
		b.authorities[a.Name] = p
	}
	for _, wanted := range want.Secrets {
		value, err := s.loadSecret(wanted.Name)
		collect(err)
		b.secrets[wanted.Name] = sharedSecret{value, wanted.Machines}
	}
	for _, m := range append([]string{""}, machines...) {
		h := &holder{certs: map[string]*pair{}}
		for _, kind := range sshKinds(m) {
			key, err := s.readSSH(m, kind)
			collect(err)
			h.ssh = append(h.ssh, key)
		}
		b.holders[m] = h
	}
	for _, c := range want.Certificates {
		b.holders[c.Machine].certs[c.Name], err = s.readPair(certificateFiles(c.Machine, c.Name), c.Authority)
		collect(err)
	}
	return b, errors.Join(problems...)
}

// common makes what is missing of what the cluster has in common: its id, its secrets and its authorities.
func (i issuer) common(s *store, b *Bundle) error {
	var all changes
	if b.id.empty() {
		b.id = newClusterID()
		all.ids = append(all.ids, b.id.file())
	}
	for _, wanted := range i.plan.Secrets {
		if secret := b.secrets[wanted.Name]; secret.value.value.empty() {
			secret.value = newSecret()
			b.secrets[wanted.Name] = secret
			all.secrets = append(all.secrets, secret.value.file(wanted.Name))
		}
	}
	for _, a := range i.plan.Authorities {
		p := b.authorities[a.Name]
		all.add(p.unwritten)
		p.unwritten = changes{}
		if !p.issued() {
			c, err := i.authority(p, a)
			if err != nil {
				return err
			}
			all.add(c)
		}
		c, err := completeRequest(p)
		if err != nil {
			return err
		}
		all.add(c)
	}
	return s.commit(all)
}

// holders makes what is missing of the machines and the operator.
func (i issuer) holders(ctx context.Context, s *store, b *Bundle, names []string) error {
	certificates := map[string][]plan.Certificate{}
	for _, c := range i.plan.Certificates {
		certificates[c.Machine] = append(certificates[c.Machine], c)
	}
	for some := range slices.Chunk(names, batch) {
		made := make([]changes, len(some))
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(runtime.GOMAXPROCS(0))
		for n, machine := range some {
			group.Go(func() error {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				var err error
				made[n], err = i.holder(b, machine, certificates[machine])
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		var all changes
		for _, c := range made {
			all.add(c)
		}
		if err := s.commit(all); err != nil {
			return err
		}
	}
	return nil
}

// holder makes what is missing of one machine or of the operator.
func (i issuer) holder(b *Bundle, machine string, certificates []plan.Certificate) (changes, error) {
	var all changes
	h := b.holders[machine]
	for n, kind := range sshKinds(machine) {
		c, err := completeSSH(&h.ssh[n], machine, kind)
		if err != nil {
			return all, err
		}
		all.add(c)
	}
	for _, want := range certificates {
		p := h.certs[want.Name]
		if p.issued() {
			continue
		}
		c, err := i.certificate(p, want, b.authorities[want.Authority])
		if err != nil {
			return all, err
		}
		all.add(c)
	}
	return all, nil
}
