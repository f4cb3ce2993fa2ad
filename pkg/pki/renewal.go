package pki

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// renewal is one call of Renew at work.
type renewal struct {
	issuer
	options RenewOptions
	bundle  *Bundle
	renewed []Renewed
	changes changes
}

// ending tells whether a certificate has expired or will soon.
func (w *renewal) ending(p *pair) bool { return !p.cert.NotAfter.After(w.now.Add(w.options.Within)) }

// authorities renews the authorities, and tells of those that it does not although their end is near.
func (w *renewal) authorities() error {
	for _, a := range w.plan.Authorities {
		p := w.bundle.authorities[a.Name]
		if !p.issued() {
			continue
		}
		// What the user brings has to be there before what is signed with it.
		w.changes.secrets = append(w.changes.secrets, p.unwritten.secrets...)
		w.changes.authorities = append(w.changes.authorities, p.unwritten.public...)
		c, err := completeRequest(p)
		if err != nil {
			return err
		}
		w.changes.add(c)
		obstacle := w.authorityObstacle(a, p)
		switch {
		case obstacle != "" && w.ending(p):
			w.renewed = append(w.renewed, Renewed{Kind: KindAuthority, Name: a.Name, OldEnd: p.cert.NotAfter, Obstacle: obstacle})
		case obstacle == "" && (w.options.All || w.ending(p)):
			if err := w.authority(a, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *renewal) authority(a plan.Authority, p *pair) error {
	old := *p
	key, err := p.signer()
	if err != nil {
		return fmt.Errorf("%s: %w", p.files.key, err)
	}
	// The request has the subject of the old certificate, which the plan's may differ from by now.
	text, err := sign(nil, key, p.request, authorityProfile(), w.now.Add(-backdate), w.now.Add(w.plan.CAExpiry))
	if err != nil {
		return fmt.Errorf("renew %s: %w", p.files.cert, err)
	}
	if err := p.replace(text); err != nil {
		return err
	}
	if !bytes.Equal(p.cert.RawSubject, old.cert.RawSubject) || !bytes.Equal(p.cert.SubjectKeyId, old.cert.SubjectKeyId) {
		return fmt.Errorf("renew %s: it would have another subject or key identifier, and what it signed be worth nothing", p.files.cert)
	}
	w.changes.authorities = append(w.changes.authorities, replacement(p))
	w.keep(&old, p, Renewed{Kind: KindAuthority, Name: a.Name, OldEnd: old.cert.NotAfter})
	return nil
}

// authorityObstacle tells why an authority is not renewed, and is "" where it is.
func (w *renewal) authorityObstacle(a plan.Authority, p *pair) string {
	c := p.cert
	switch {
	case brought(a):
		return fmt.Sprintf("it is your own: make another certificate for the same key and subject, put it into the cluster file, "+
			"move %s away, and then renew what it signed", p.files.cert)
	case !bytes.Equal(c.RawIssuer, c.RawSubject) || c.CheckSignatureFrom(c) != nil:
		return fmt.Sprintf("it is signed by another authority (%s): have that one sign another certificate for the same key "+
			"and subject, and put it in the place of %s", c.Issuer, p.files.cert)
	case !w.options.Authorities:
		return "authorities are renewed by --authorities alone"
	}
	return ""
}

// certificates renews what the machines and the operator hold.
func (w *renewal) certificates(ctx context.Context) error {
	for _, want := range w.plan.Certificates {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if len(w.options.Machines) > 0 && !slices.Contains(w.options.Machines, want.Machine) {
			continue
		}
		p, by := w.bundle.holders[want.Machine].certs[want.Name], w.bundle.authorities[want.Authority]
		if !p.issued() {
			continue
		}
		lacking := lacks(p.cert, want, w.plan.Subject)
		if !w.options.All && !w.ending(p) && len(lacking) == 0 && !outlives(p, by) {
			continue
		}
		if err := w.certificate(want, p, by, lacking); err != nil {
			return err
		}
	}
	return nil
}

func (w *renewal) certificate(want plan.Certificate, p, by *pair, lacking []string) error {
	r := Renewed{Kind: KindMachine, Holder: want.Machine, Name: want.Name, OldEnd: p.cert.NotAfter, Lacking: lacking}
	if want.Machine == "" {
		r.Kind = KindOperator
	}
	end := by.cert.NotAfter
	if !end.After(w.now) || !w.options.All && len(lacking) == 0 && p.cert.NotAfter.Equal(end) {
		r.Obstacle = fmt.Sprintf("its authority %s ends at %s: renew that first", want.Authority, stamp(end))
		w.renewed = append(w.renewed, r)
		return nil
	}
	old := *p
	key, err := p.signer()
	if err != nil {
		return fmt.Errorf("%s: %w", p.files.key, err)
	}
	text, err := w.certify(key, want, by)
	if err != nil {
		return fmt.Errorf("renew %s: %w", p.files.cert, err)
	}
	if err := p.replace(text); err != nil {
		return err
	}
	if err := w.checkIssued(p, want, by); err != nil {
		return err
	}
	w.changes.public = append(w.changes.public, replacement(p))
	w.keep(&old, p, r)
	return nil
}

// replace gives a pair another certificate.
func (p *pair) replace(text []byte) error {
	cert, err := parseCertificate(text)
	if err == nil && !equalKeys(cert.PublicKey, p.cert.PublicKey) {
		err = errors.New("the key has changed")
	}
	if err != nil {
		return fmt.Errorf("renew %s: %w", p.files.cert, err)
	}
	p.cert, p.certPEM = cert, text
	return nil
}

func replacement(p *pair) file {
	return file{path: p.files.cert, content: p.certPEM, mode: publicMode, replaces: true}
}

// keep has the old certificate copied, and adds the new one to the result.
func (w *renewal) keep(old, renewed *pair, r Renewed) {
	r.Previous, r.NewEnd = previousFile(old), renewed.cert.NotAfter
	w.changes.previous = append(w.changes.previous, file{path: r.Previous, content: old.certPEM, mode: publicMode})
	w.renewed = append(w.renewed, r)
}

// previousFile gives the path of an old certificate's copy: by the day that it ended, and by its digest, so that a name
// never stands for two.
func previousFile(p *pair) string {
	digest := sha256.Sum256(p.cert.Raw)
	name := fmt.Sprintf("%s-until-%s-%x.pem", strings.TrimSuffix(p.files.cert, ".pem"), p.cert.NotAfter.UTC().Format(time.DateOnly), digest[:8])
	return path.Join(previousDir, name)
}
