package pki

import (
	"time"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// rehearsalKey is the algorithm of the one key of a rehearsal.
const rehearsalKey = "ecdsa-p256"

// Rehearse gives a bundle of everything that a plan and its machines need, with which templates can be executed before
// anything is issued. It is in memory alone: one key and one certificate, worth nothing, stand for all.
func Rehearse(want plan.PKI, machines []string) (*Bundle, error) {
	i := issuer{plan: plan.PKI{Key: rehearsalKey, CAExpiry: time.Hour}, now: time.Now()}
	only := &pair{}
	if _, err := i.authority(only, plan.Authority{CommonName: "rehearsal"}); err != nil {
		return nil, err
	}
	if _, err := completeRequest(only); err != nil {
		return nil, err
	}
	if _, err := completeRequest(only); err != nil {
		return nil, err
	}
	b := newBundle("of a rehearsal")
	b.id = newClusterID()
	for _, a := range want.Authorities {
		b.authorities[a.Name], b.keyMachines[a.Name] = only, a.KeyMachines
	}
	for _, s := range want.Secrets {
		b.secrets[s.Name] = sharedSecret{newSecret(), s.Machines}
	}
	kinds := append(sshKinds(""), sshKinds("any machine")...)
	keys := map[string]SSHKey{}
	for _, kind := range kinds {
		k := SSHKey{Name: kind.name}
		if _, err := completeSSH(&k, "", kind); err != nil {
			return nil, err
		}
		keys[kind.name] = k
	}
	for _, m := range append([]string{""}, machines...) {
		h := &holder{certs: map[string]*pair{}}
		for _, kind := range sshKinds(m) {
			h.ssh = append(h.ssh, keys[kind.name])
		}
		b.holders[m] = h
	}
	for _, c := range want.Certificates {
		b.holders[c.Machine].certs[c.Name] = only
	}
	return b, nil
}
