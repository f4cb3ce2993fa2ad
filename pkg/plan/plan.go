// Package plan decides what each machine of a cluster is: its name, roles, addresses, certificates, settings and
// sizes. It is pure: the same cluster file and profile give the same plan, and nothing is read or written.
package plan

import (
	"io/fs"
	"net/netip"
	"slices"
	"time"

	"github.com/nodekiln/nodekiln/pkg/kube"
)

// Plan is everything that is known of a cluster before a key or an image exists.
type Plan struct {
	// Cluster is metadata.name of the cluster file.
	Cluster string `json:"cluster"`
	// Profile is the name of the profile.
	Profile string `json:"profile"`
	// Kubernetes is nil where the profile is for something else.
	Kubernetes *Kubernetes `json:"kubernetes,omitempty"`
	Network    Network     `json:"network"`
	Registries Registries  `json:"registries"`
	PKI        PKI         `json:"pki"`
	Base       Base        `json:"base"`
	// UserDataTarget is where user-data is stored, which limits its size: nocloud, openstack or ec2.
	UserDataTarget string `json:"userDataTarget"`
	// Overlays of the project that the profile lays over its machines, by name.
	Overlays []string `json:"overlays,omitempty"`
	// Addons in the order in which they are applied.
	Addons []Addon `json:"addons,omitempty"`
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

// Kubernetes is what is common to all machines of a Kubernetes cluster.
type Kubernetes struct {
	Version kube.Version `json:"version"`
	// Runtime is containerd or docker.
	Runtime string `json:"runtime"`
	// ProxyMode of kube-proxy is iptables or ipvs.
	ProxyMode string `json:"proxyMode"`
	// Pods and Services are the networks of the cluster.
	Pods     netip.Prefix `json:"pods"`
	Services netip.Prefix `json:"services"`
	// ServiceAddress is the first address of Services, that of the service kubernetes; DNSAddress the tenth.
	ServiceAddress netip.Addr `json:"serviceAddress"`
	DNSAddress     netip.Addr `json:"dnsAddress"`
	// Domain is the DNS domain of services: "cluster.local".
	Domain string `json:"domain"`
	// Host and Port are where clients reach the API: a name or an IPv4 address.
	Host string `json:"host"`
	Port int    `json:"port"`
	// LoadBalancer is external or vip, which answer at Host, or local, where each machine that is no master has one of
	// its own on Port of localhost; "" where Host is the one master.
	LoadBalancer string `json:"loadBalancer,omitempty"`
}

// Registries are where container images come from.
type Registries struct {
	// Mirrors are URLs of mirrors of Docker Hub.
	Mirrors []string `json:"mirrors,omitempty"`
	// Insecure are registries, HOST or HOST:PORT, that are reached without TLS or with a certificate nobody knows.
	Insecure []string `json:"insecure,omitempty"`
}

// Addon is a manifest that is applied to the cluster once its API answers.
type Addon struct {
	// Name of the file that holds it on a master, without its suffix.
	Name string `json:"name"`
	// Template of the profile that makes it; "" where Content is the user's own manifest.
	Template string `json:"template,omitempty"`
	Content  []byte `json:"-"`
}

// Additions are what a user lays over the profile.
type Additions struct {
	// Origin is where the cluster file has them: "cluster.yaml:14:5".
	Origin   string                `json:"origin"`
	Overlays []Overlay             `json:"overlays,omitempty"`
	Butane   []Butane              `json:"butane,omitempty"`
	Files    []File                `json:"files,omitempty"`
	Units    []Unit                `json:"units,omitempty"`
	Args     map[string][]kube.Arg `json:"args,omitempty"`
}

// Overlay is a directory whose files are laid over those of a machine.
type Overlay struct {
	// Name is the directory as the cluster file has it.
	Name string `json:"name"`
	FS   fs.FS  `json:"-"`
	// Path of the entry in the cluster file, as in overlays[0].
	Path string `json:"-"`
}

// Butane is a user's Butane template.
type Butane struct {
	// Name is the file as the cluster file has it.
	Name    string `json:"name"`
	Content []byte `json:"-"`
	// Path of the entry in the cluster file, as in butane[0].
	Path string `json:"-"`
}

// Unit is a systemd unit that a machine is given, or a change to one that it has.
type Unit struct {
	// Name with its suffix: "backup.timer".
	Name string `json:"name"`
	// Content of the unit file; "" where the unit is there already.
	Content string `json:"-"`
	// Enabled is nil where the unit's state is left as it is.
	Enabled *bool `json:"enabled,omitempty"`
	Mask    bool  `json:"mask,omitempty"`
	// DropIns by file name: "10-limits.conf".
	DropIns map[string]string `json:"-"`
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
	// Hosts is whose names each machine has in its /etc/hosts: servers, the machines that others look for by name, or all.
	Hosts string `json:"hosts"`
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
	// Secrets are random values that the cluster shares, by name: the token that nodes join with.
	Secrets []Secret `json:"secrets,omitempty"`
}

// Secret is a random value that the cluster shares.
type Secret struct {
	Name string `json:"name"`
	// Machines that hold it. No other may.
	Machines []string `json:"machines"`
}

// Subject is the part of a distinguished name that all certificates of a cluster share.
type Subject struct {
	Country      string `json:"country,omitempty"`
	Province     string `json:"province,omitempty"`
	Locality     string `json:"locality,omitempty"`
	Organization string `json:"organization,omitempty"`
	Unit         string `json:"unit,omitempty"`
}

// Authority is a certificate authority of the cluster, or what signs the tokens of service accounts.
type Authority struct {
	// Name within the cluster: "etcd".
	Name string `json:"name"`
	// CommonName of its certificate.
	CommonName string `json:"commonName"`
	// KeyMachines are the machines that hold its private key: those that sign. No other may.
	KeyMachines []string `json:"keyMachines,omitempty"`
	// Certificate and Key, in PEM, are those that the user brings; nil where they are to be made.
	Certificate []byte `json:"-"`
	Key         []byte `json:"-"`
}

// String gives no part of the key.
func (a Authority) String() string { return "authority " + a.Name }

// GoString gives no part of the key.
func (a Authority) GoString() string { return a.String() }

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
	// Organization of its subject in the place of the cluster's own, "" for that: Kubernetes takes it for a group.
	Organization string `json:"organization,omitempty"`
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
	// Components are programs beside those of the packages.
	Components Components `json:"components,omitzero"`
	// Images are the container images that machines have before they reach a registry.
	Images Images `json:"images,omitzero"`
}

// Images are container images, and where they come from.
type Images struct {
	// Source of those that the profile wants: auto, made, pull or none.
	Source string  `json:"source"`
	Wanted []Image `json:"wanted"`
	// Preload are the user's own.
	Preload []Preload `json:"preload,omitempty"`
}

// Preload is one or more container images of the user's own: in an archive or a directory relative to the cluster file, or
// in a registry.
type Preload struct {
	// Archive is a file of `docker save`, or an OCI image layout as a tar file.
	Archive string `json:"archive,omitempty"`
	// Layout is the directory of an OCI image layout.
	Layout string `json:"layout,omitempty"`
	// Pull is the reference of an image in a registry.
	Pull string `json:"pull,omitempty"`
	// Path of the entry in the cluster file, as in images.preload[0].
	Path string `json:"-"`
}

// String gives where the images are.
func (p Preload) String() string { return p.Archive + p.Layout + p.Pull }

// Image is a container image that the profile's machines need.
type Image struct {
	// Name is that of the profile: "pause".
	Name string `json:"name"`
	// Reference by which the machines ask for it: "registry.k8s.io/pause:3.9".
	Reference string `json:"reference"`
}

// Components are the programs that machines have beside those of their packages, and where these come from.
type Components struct {
	// Source is auto, packages, release or modules; "" where nothing is wanted.
	Source string      `json:"source"`
	Wanted []Component `json:"wanted"`
	// Archives that programs may be unpacked from.
	Archives []Archive `json:"archives,omitempty"`
}

// Component is a set of programs of one version.
type Component struct {
	// Name is that of the profile: kubernetes, etcd, flannel, cni-plugins or coredns.
	Name string `json:"name"`
	// Version without a v: "1.34.4".
	Version string `json:"version"`
	// ImagesOnly is true where container images have the programs, and the machines themselves have not.
	ImagesOnly bool `json:"imagesOnly,omitempty"`
}

// Archive is an archive with programs, at a URL or in a file relative to the cluster file, known by its digests in
// hexadecimal.
type Archive struct {
	URL    string `json:"url,omitempty"`
	File   string `json:"file,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	SHA512 string `json:"sha512,omitempty"`
}

// String gives where the archive is.
func (a Archive) String() string { return a.URL + a.File }

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
	// Additions that the cluster file makes to this machine: those of every machine, of its roles and its own, in the
	// order in which they are laid over each other.
	Additions []Additions `json:"additions,omitempty"`
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
