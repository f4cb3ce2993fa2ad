package profile

import (
	"fmt"
	"regexp"
)

// entryName is what an authority, a secret or a certificate may be called: files are named after it.
var entryName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// names checks what authorities, secrets and certificates are called. A machine has one certificate of a name, and two of
// its roles may ask for it.
func (c *checker) names() {
	seen := map[string]bool{}
	check := func(where, kind, name string) {
		if !entryName.MatchString(name) {
			c.badf("%s.name: %q is to be lower-case letters, digits and hyphens", where, name)
		} else if seen[kind+"/"+name] {
			c.badf("%s.name: %q is there twice", where, name)
		}
		seen[kind+"/"+name] = true
	}
	for i, a := range c.Authorities {
		check(fmt.Sprintf("authorities[%d]", i), "authority", a.Name)
	}
	for i, s := range c.Secrets {
		check(fmt.Sprintf("secrets[%d]", i), "secret", s.Name)
	}
	for i, cert := range c.Certificates {
		// Releases may have different ones.
		check(fmt.Sprintf("certificates[%d]", i), fmt.Sprintf("certificate of %s from %s to %s", cert.Role, cert.Since, cert.Until), cert.Name)
	}
}
