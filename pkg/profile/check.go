package profile

import (
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/nodekiln/nodekiln/overlays"
	"github.com/nodekiln/nodekiln/pkg/kube"
)

// checker collects what is wrong with a profile.
type checker struct {
	*Profile
	problems []string
}

func (c *checker) badf(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(fileName+": "+format, args...))
}

func (p *Profile) check() []string {
	c := &checker{Profile: p}
	if p.Name == "" {
		c.badf("name: missing")
	}
	c.roles()
	c.packages()
	c.components()
	c.images()
	c.kubernetes()
	c.references()
	c.names()
	for i, cert := range p.Certificates {
		c.certificate(i, cert)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Settings)) {
		if err := p.Settings[name].Check(p.Settings[name].Default); err != nil {
			c.badf("settings.%s.default: %v", name, err)
		}
	}
	return c.problems
}

func (c *checker) roles() {
	for _, name := range slices.Sorted(maps.Keys(c.Roles)) {
		if _, err := fs.Stat(c.FS, name+".bu"); err != nil {
			c.badf("roles.%s: its template %s.bu is missing", name, name)
		}
		for _, port := range slices.Sorted(maps.Keys(c.Roles[name].Ports)) {
			n := c.Roles[name].Ports[port]
			if n < 1 || n > 65535 {
				c.badf("roles.%s.ports.%s: there is no port %d", name, port, n)
			}
			if port == SSHPortName || n == SSHPort {
				c.badf("roles.%s.ports.%s: every machine has port %d as %s already", name, port, SSHPort, SSHPortName)
			}
		}
	}
	c.known("defaultRoles", c.DefaultRoles)
}

// known checks that there are roles of these names.
func (c *checker) known(where string, roles []string) {
	for _, r := range roles {
		if _, ok := c.Roles[r]; !ok {
			c.badf("%s: no role is called %q", where, r)
		}
	}
}

func (c *checker) packages() {
	for i, name := range c.Packages {
		if !packageName.MatchString(name) {
			c.badf("packages[%d]: %q is no name of a package", i, name)
		}
	}
	for _, choice := range slices.Sorted(maps.Keys(c.Choices)) {
		for i, name := range c.Choices[choice] {
			if !packageName.MatchString(name) {
				c.badf("choices.%s[%d]: %q is no name of a package", choice, i, name)
			}
		}
	}
}

// components checks that those that the profile names are known, and that their versions are.
func (c *checker) components() {
	c.componentList("components", c.Components)
	c.componentList("imageComponents", c.ImageComponents)
}

func (c *checker) componentList(where string, names []string) {
	known := []string{ComponentKubernetes, ComponentEtcd, ComponentFlannel, ComponentCNIPlugins, ComponentCoreDNS}
	for i, name := range names {
		if !slices.Contains(known, name) {
			c.badf("%s[%d]: no component is called %q; there are %s", where, i, name, strings.Join(known, ", "))
		}
		if name == ComponentKubernetes && c.Kubernetes == nil {
			c.badf("%s: %s needs the version that kubernetes.version gives", where, name)
		}
		setting := VersionSetting(name)
		if _, ok := c.Settings[setting]; setting != "" && !ok {
			c.badf("%s: %s needs the setting %s", where, name, setting)
		}
	}
}

// kubernetes checks what the profile says of Kubernetes itself.
func (c *checker) kubernetes() {
	k := c.Kubernetes
	if k == nil {
		return
	}
	if _, ok := c.Roles[MasterRole]; !ok {
		c.badf("kubernetes: no role is called %q, whose machines would run the API server", MasterRole)
	}
	version, since, until := c.version("kubernetes.version", k.Version), c.version("kubernetes.since", k.Since), c.version("kubernetes.until", k.Until)
	if version.Minor < since.Minor || version.Minor > until.Minor {
		c.badf("kubernetes.version: %s is not within since and until, %s to %s", k.Version, k.Since, k.Until)
	}
	if len(k.Runtimes) == 0 {
		c.badf("kubernetes.runtimes: missing")
	}
	c.network("kubernetes.pods", k.Pods, 30)
	c.network("kubernetes.services", k.Services, 28) // the tenth address is the DNS server's
	if k.Domain == "" {
		c.badf("kubernetes.domain: missing")
	}
	if k.Port < 1 || k.Port > 65535 {
		c.badf("kubernetes.port: there is no port %d", k.Port)
	}
}

// network checks an IPv4 network, of which the prefix length is at most so many bits.
func (c *checker) network(where string, p netip.Prefix, most int) {
	switch {
	case !p.IsValid():
		c.badf("%s: missing", where)
	case !p.Addr().Is4() || p != p.Masked() || p.Bits() > most:
		c.badf("%s: %s is no IPv4 network of at most %d bits", where, p, most)
	}
}

func (c *checker) version(where, text string) kube.Version {
	v, err := kube.ParseVersion(text)
	if err != nil {
		c.badf("%s: %v", where, err)
	}
	return v
}

// references checks that what the profile names is there.
func (c *checker) references() {
	for i, name := range c.Overlays {
		if _, err := fs.Stat(overlays.FS, name); err != nil {
			c.badf("overlays[%d]: no overlay is called %q", i, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Addons)) {
		if _, err := fs.Stat(c.FS, AddonTemplate(name)); err != nil {
			c.badf("addons.%s: its template %s is missing", name, AddonTemplate(name))
		}
	}
	for i, a := range c.Authorities {
		c.known(fmt.Sprintf("authorities[%d].keyRoles", i), a.KeyRoles)
	}
	for i, s := range c.Secrets {
		c.known(fmt.Sprintf("secrets[%d].roles", i), s.Roles)
	}
}

func (c *checker) certificate(i int, cert Certificate) {
	bad := func(format string, args ...any) { c.badf("certificates[%d].%s", i, fmt.Sprintf(format, args...)) }
	kind, ok := kube.LookupCertificate(cert.Kind)
	if !ok && cert.Kind != "" {
		bad("kind: package kube knows no certificate %q", cert.Kind)
	}
	authority := cert.Authority
	if authority == "" {
		authority = kind.Authority
	}
	if !slices.ContainsFunc(c.Authorities, func(a Authority) bool { return a.Name == authority }) {
		bad("authority: no authority is called %q", authority)
	}
	if _, ok := c.Roles[cert.Role]; !ok && cert.Role != "" {
		bad("role: no role is called %q", cert.Role)
	}
	if cert.Role == "" && (cert.CommonName == nil || *cert.CommonName == "") && kind.CommonName == "" {
		bad("commonName: the operator's certificate needs one")
	}
	if len(cert.Usages) == 0 && cert.Kind == "" {
		bad("usages: missing")
	}
	for _, u := range cert.Usages {
		if u != UsageServer && u != UsageClient {
			bad("usages: %q is neither %s nor %s", u, UsageServer, UsageClient)
		}
	}
	if cert.Since != "" {
		c.version(fmt.Sprintf("certificates[%d].since", i), cert.Since)
	}
	if cert.Until != "" {
		c.version(fmt.Sprintf("certificates[%d].until", i), cert.Until)
	}
}
