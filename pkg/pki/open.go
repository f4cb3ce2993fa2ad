package pki

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Open reads everything that is in the bundle in the directory, whether a plan asks for it or not, and writes nothing.
//
// It refuses keys and certificates that do not belong together, but not those that have expired: that is for List to
// tell. It needs no lock: files come in the order of what depends on what, and one that is replaced is of the same key, so
// that whatever it finds while another process issues is a sound bundle.
func Open(dir string) (*Bundle, error) {
	s, err := openStore(dir)
	if err != nil {
		return nil, err
	}
	defer s.close()
	b := newBundle(dir)
	var problems []error
	b.id, err = s.readID()
	if err == nil && b.id.empty() {
		err = fmt.Errorf("%s: is empty: nothing has been issued into it yet", dir)
	}
	problems = append(problems, err)
	// Who depends on something is listed before it is: a certificate that is found has an authority to be found.
	holders, err := s.openHolders()
	authorities := s.openAuthorities(b)
	problems = append(problems, err, authorities, s.openSecrets(b))
	b.holders = holders
	if authorities != nil {
		// Whatever an authority signed that has a problem of its own would seem to be signed by nobody.
		return nil, join(problems)
	}
	for _, machine := range slices.Sorted(maps.Keys(holders)) {
		certs := holders[machine].certs
		for _, name := range slices.Sorted(maps.Keys(certs)) {
			problems = append(problems, s.findAuthority(b, certs[name]))
		}
	}
	if err := join(problems); err != nil {
		return nil, err
	}
	return b, nil
}

// openAuthorities reads all authorities of the bundle.
func (s *store) openAuthorities(b *Bundle) error {
	names, err := s.listDirs(authorityDir)
	problems := []error{err}
	for _, name := range names {
		p, err := s.readPair(authorityFiles(name), "")
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if p.issued() {
			problems = append(problems, s.checkAuthority(p), s.readRequest(p))
			b.authorities[name] = p
		}
	}
	return join(problems)
}

// openSecrets reads all secrets of the bundle. Without a plan they are for nobody, but Redact knows them.
func (s *store) openSecrets(b *Bundle) error {
	names, err := s.list(secretDir)
	problems := []error{err}
	for _, name := range names {
		if checkName("secret", name) != nil {
			continue // what an editor left behind
		}
		value, err := s.loadSecret(name)
		problems = append(problems, err)
		b.secrets[name] = sharedSecret{value: value}
	}
	return join(problems)
}

// openHolders reads what the machines and the operator have.
func (s *store) openHolders() (map[string]*holder, error) {
	machines, err := s.listDirs(machineDir)
	problems := []error{err}
	holders := map[string]*holder{}
	for _, m := range append([]string{""}, machines...) {
		h, err := s.openHolder(m)
		problems = append(problems, err)
		holders[m] = h
	}
	return holders, join(problems)
}

func (s *store) openHolder(machine string) (*holder, error) {
	h := &holder{certs: map[string]*pair{}}
	files, err := s.list(holderDir(machine))
	problems := []error{err}
	for _, f := range files {
		name, isPEM := strings.CutSuffix(f, ".pem")
		if !isPEM || strings.HasSuffix(name, keySuffix) {
			continue
		}
		p, err := s.readPair(certificateFiles(machine, name), "")
		problems = append(problems, err)
		if err == nil {
			h.certs[name] = p
		}
	}
	for _, kind := range sshKinds(machine) {
		k, err := s.readSSH(machine, kind)
		problems = append(problems, err)
		if k.Public != nil {
			h.ssh = append(h.ssh, k)
		}
	}
	return h, join(problems)
}

// findAuthority finds out which authority of the bundle signed a certificate.
func (s *store) findAuthority(b *Bundle, p *pair) error {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(b.authorities)) {
		by := b.authorities[name]
		if signedBy(p, by) {
			p.authority = name
			return nil
		}
		names = append(names, s.name(by.files.cert))
	}
	if len(names) == 0 {
		return fmt.Errorf("%s: the authority that signed it is missing: put it back, or %s",
			s.name(p.files.cert), s.anew(p.files))
	}
	return fmt.Errorf("%s: is not signed by %s: put the right files back, or %s",
		s.name(p.files.cert), strings.Join(names, " or "), s.anew(p.files))
}
