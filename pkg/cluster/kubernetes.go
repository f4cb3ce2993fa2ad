package cluster

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// versionPattern is a version of Kubernetes with or without its patch, and with or without the v of its tag.
const versionPattern = `^v?(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2}))?$`

var (
	kubernetesVersion = regexp.MustCompile(versionPattern)
	// addressLike is text that is no name: the last label of one has a letter (RFC 1123, section 2.1).
	addressLike = regexp.MustCompile(`^([^:]*\.)?[0-9]+$`)
)

func (r *resolver) kubernetes(k kubernetes) Kubernetes {
	out := Kubernetes{Runtime: k.Runtime, ProxyMode: k.ProxyMode, Domain: strings.TrimSuffix(k.Domain, "."), LoadBalancer: k.LoadBalancer}
	if k.Version != "" && r.report("kubernetes.version", checkVersion(string(k.Version))) {
		out.Version = strings.TrimPrefix(string(k.Version), "v")
	}
	if out.Domain != "" {
		r.report("kubernetes.domain", checkDomain(out.Domain))
	}
	if k.Endpoint != "" {
		host, port, err := parseHostPort(string(k.Endpoint))
		if err == nil {
			err = checkEndpointHost(host)
		}
		if r.report("kubernetes.endpoint", err) {
			out.Host, out.Port = host, port
		}
	}
	return out
}

func checkVersion(text string) error {
	if !kubernetesVersion.MatchString(text) {
		return fmt.Errorf("%s is no version of Kubernetes; write it as in 1.34.4 or 1.34", quote(text))
	}
	return nil
}

// parseHostPort takes HOST or HOST:PORT apart; the port is 0 where there is none. The host is only checked for what
// would make it something else.
func parseHostPort(text string) (host string, port int, err error) {
	if scheme, _, isURL := strings.Cut(text, "://"); isURL {
		return "", 0, fmt.Errorf("%s is a URL; write it without %s://", quote(text), cut(scheme))
	}
	if strings.Count(text, ":") > 1 {
		return "", 0, fmt.Errorf("%s is no host and port; write HOST:PORT with a name or an IPv4 address", quote(text))
	}
	host, digits, hasPort := strings.Cut(text, ":")
	if host == "" {
		return "", 0, fmt.Errorf("%s lacks a host", quote(text))
	}
	if hasPort {
		port, err = strconv.Atoi(digits)
		if err != nil || port < 1 || port > 65535 || strconv.Itoa(port) != digits {
			return "", 0, fmt.Errorf("%s is no port; write a number from 1 to 65535", quote(digits))
		}
	}
	return host, port, nil
}

// checkHostName takes a DNS name or an IPv4 address.
func checkHostName(host string) error {
	if addressLike.MatchString(host) {
		_, err := parseIPv4(host)
		return err
	}
	return checkDomain(host)
}

func checkEndpointHost(host string) error {
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is4() && !isUnicast(addr) {
		return fmt.Errorf("%s is not where other machines reach the API", addr)
	}
	if host == "localhost" {
		return errors.New("localhost is another machine for everyone; write the name or address by which clients reach the API")
	}
	return checkHostName(host)
}

func (r *resolver) registries(given registries) Registries {
	for i, mirror := range given.Mirrors {
		if mirror != "" {
			r.report(at("registries.mirrors", i), checkRegistryMirror(mirror))
		}
	}
	for i, registry := range given.Insecure {
		if registry != "" {
			r.report(at("registries.insecure", i), checkRegistry(registry))
		}
	}
	distinct(r, "registries.mirrors", given.Mirrors)
	distinct(r, "registries.insecure", given.Insecure)
	return Registries(given)
}

// checkRegistryMirror does not show a URL that holds a password.
func checkRegistryMirror(mirror string) error {
	u, err := url.Parse(mirror)
	switch {
	case err != nil || strings.ContainsAny(mirror, " \"'`\\"):
		return errors.New("a mirror is one URL, as in https://mirror.example.com")
	case u.User != nil:
		return errors.New("a mirror is given without user and password: images and logs would hold them")
	case u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(mirror, "?") || strings.HasSuffix(mirror, "#"):
		return fmt.Errorf("%s has a query or a fragment, which a mirror is not asked with", quote(mirror))
	case (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "":
		return fmt.Errorf("%s is no mirror; expected a URL with http:// or https://", quote(mirror))
	}
	return nil
}

// checkRegistry takes what dockerd does for --insecure-registry: a host, a host and port, or a network.
func checkRegistry(registry string) error {
	if _, err := netip.ParsePrefix(registry); err == nil {
		return nil
	}
	if strings.Contains(registry, "@") {
		return errors.New("a registry is named without user and password: images and logs would hold them")
	}
	host, _, err := parseHostPort(registry)
	if err != nil {
		return err
	}
	if strings.Contains(host, "/") {
		return fmt.Errorf("%s is no registry; write HOST, HOST:PORT or a network such as 10.1.10.0/24, without a path", quote(registry))
	}
	return checkHostName(host)
}
