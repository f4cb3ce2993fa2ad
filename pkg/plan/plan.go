// Package plan decides what each machine of a cluster is: its name, roles, addresses, certificates, settings and
// sizes. It is pure: the same cluster file and profile give the same plan, and nothing is read or written.
package plan

import (
	"net/netip"
	"slices"
	"time"
)

// Plan is everything that is known of a cluster before a key or an image exists.
type Plan struct {
	// Cluster is metadata.name of the cluster file.
	Cluster string `json:"cluster"`
	// Profile is the name of the profile.
	Profile string  `json:"profile"`
	Network Network `json:"network"`
	PKI     PKI     `json:"pki"`
	Base    Base    `json:"base"`
	// AuthorizedKeys are the SSH keys, beside the operator's own, that may log in as root on every machine.
	AuthorizedKeys []string `json:"authorizedKeys,omitempty"`
	// Users that every machine has beside those of the base.
	Users []User `json:"users,omitempty"`
	// Settings of the profile, complete.
	Settings map[string]string `json:"settings,omitempty"`
	// Machines in the order of the cluster file, ranges expanded.
	Machines []Machine `json:"machines"`
}

// WithRole gives the machines that have the role, in the order of the cluster file.
func (p *Plan) WithRole(role string) []Machine {
	var out []Machine
	for _, m := range p.Machines {
		if slices.Contains(m.Roles, role) {
			out = append(out, m)
		}
	}
	return out
}

// Network is what the machines share.
type Network struct {
	// Machines is the network that all the machines' addresses are in.
	Machines netip.Prefix `json:"machines"`
	// Gateway is the zero address where there is none.
	Gateway netip.Addr   `json:"gateway,omitzero"`
	DNS     []netip.Addr `json:"dns,omitempty"`
	// NTP servers, by name or address.
	NTP []string `json:"ntp,omitempty"`
	// Domain is the DNS domain of the machines, "" for none.
	Domain string `json:"domain,omitempty"`
}

// PKI is what the cluster's certificates are to be.
type PKI struct {
	// Key is one of rsa-2048, rsa-4096, ecdsa-p256 and ecdsa-p384.
	Key string `json:"key"`
	// Expiry and CAExpiry are the lifetimes of certificates and of authorities.
	Expiry      time.Duration `json:"-"`
	CAExpiry    time.Duration `json:"-"`
	Subject     Subject       `json:"subject"`
	Authorities []Authority   `json:"authorities"`
	// Certificates of all machines and of the operator, sorted by holder and name.
	Certificates []Certificate `json:"certificates"`
}

// Subject is the part of a distinguished name that all certificates of a cluster share.
type Subject struct {
	Country      string `json:"country,omitempty"`
	Province     string `json:"province,omitempty"`
	Locality     string `json:"locality,omitempty"`
	Organization string `json:"organization,omitempty"`
	Unit         string `json:"unit,omitempty"`
}

// Authority is a certificate authority of the cluster.
type Authority struct {
	// Name within the cluster: "etcd".
	Name string `json:"name"`
	// CommonName of its certificate.
	CommonName string `json:"commonName"`
}

// Certificate is one certificate that somebody is to hold.
type Certificate struct {
	// Name within its holder: "etcd".
	Name string `json:"name"`
	// Machine that holds the private key; "" is the operator.
	Machine string `json:"machine"`
	// Authority that signs it, by name.
	Authority string `json:"authority"`
	// CommonName of its subject.
	CommonName string `json:"commonName"`
	// DNSNames and Addresses are its subject alternative names.
	DNSNames  []string     `json:"dnsNames,omitempty"`
	Addresses []netip.Addr `json:"addresses,omitempty"`
	// Server and Client are the extended key usages, serverAuth and clientAuth of RFC 5280.
	Server bool `json:"server,omitempty"`
	Client bool `json:"client,omitempty"`
}

// Base is the base image that the machines start from.
type Base struct {
	// Debian is the release to bootstrap: "bookworm".
	Debian string `json:"debian"`
	// Mirrors to take packages from, the first first.
	Mirrors []string `json:"mirrors,omitempty"`
	// Kernel is generic or cloud.
	Kernel string `json:"kernel"`
	// Packages beside those of the base itself, sorted.
	Packages []string `json:"packages,omitempty"`
}

// Machine is one machine of the cluster.
type Machine struct {
	Name    string     `json:"name"`
	Roles   []string   `json:"roles"`
	Address netip.Addr `json:"address"`
	// MAC in lower case with colons.
	MAC string `json:"mac"`
	// Disk is the virtual size of the machine's disk in bytes.
	Disk int64 `json:"disk"`
	// Memory in bytes and CPUs are what a virtual machine is started with.
	Memory int64 `json:"memory"`
	CPUs   int   `json:"cpus"`
	// Files that the cluster file adds to this machine.
	Files []File `json:"files,omitempty"`
	// Ports of the machine that a lab forwards to its host, by name.
	Ports map[string]int `json:"ports,omitempty"`
}

// User is a person's account on every machine.
type User struct {
	Name string `json:"name"`
	// UID is 0 for the first free one.
	UID    int64    `json:"uid,omitempty"`
	Groups []string `json:"groups,omitempty"`
	// Shell is "" for bash.
	Shell string `json:"shell,omitempty"`
	// PasswordHash as crypt(5) makes it, "" for none: the user can then log in by SSH key alone.
	PasswordHash   string   `json:"-"`
	AuthorizedKeys []string `json:"authorizedKeys,omitempty"`
}

// File is a file that the cluster file adds to a machine.
type File struct {
	// Path on the machine, absolute.
	Path    string `json:"path"`
	Content []byte `json:"-"`
	// Mode holds permission bits, as chmod(1) takes them.
	Mode uint32 `json:"mode"`
	// User and Group that own it.
	User  string `json:"user"`
	Group string `json:"group"`
}
