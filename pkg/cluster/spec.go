package cluster

import (
	"io/fs"
	"net/netip"
	"time"
)

// Spec is what a cluster file says, checked, with its defaults filled in and its ranges expanded.
type Spec struct {
	// Name of the cluster, an RFC 1123 label.
	Name string
	// Profile is the name of an embedded profile, or a directory, which holds a slash.
	Profile string
	// Kubernetes is the zero value where the file says nothing of it.
	Kubernetes Kubernetes
	Network    Network
	Registries Registries
	PKI        PKI
	Base       Base
	Components Components
	Images     Images
	// UserDataTarget is where user-data is stored, which limits its size: nocloud, openstack or ec2.
	UserDataTarget string
	// AuthorizedKeys may log in as root: lines of an authorized_keys file (sshd(8)).
	AuthorizedKeys []string
	Users          []User
	// Settings of the profile by name, their values as they are written.
	Settings map[string]string
	// Addons of the profile by name, or manifests of the user's own; nil where the file does not say.
	Addons []Addon
	// Additions to every machine, and to those of a role by its name.
	Additions     Additions
	RoleAdditions map[string]Additions
	// Machines in the order of the file, those of a range in the order of the range.
	Machines []Machine

	source *source
}

// Network is what the machines share.
type Network struct {
	// Machines is the IPv4 network that all the machines' addresses are in.
	Machines netip.Prefix
	// Gateway is the zero address where there is none.
	Gateway netip.Addr
	DNS     []netip.Addr
	// NTP servers, by name or address.
	NTP []string
	// Domain is the DNS domain of the machines in lower case, "" for none.
	Domain string
	// Hosts is whose names each machine has in its /etc/hosts: servers, the machines that others look for by name, or all.
	Hosts string
	// Pods and Services are the IPv4 networks of the cluster; the zero prefix where the profile's are meant.
	Pods, Services netip.Prefix
}

// Kubernetes is what the cluster file says of Kubernetes itself. What is not given is "" or zero, and the profile's.
type Kubernetes struct {
	// Version as written, without a leading v: "1.34.4".
	Version string
	// Runtime is containerd or docker.
	Runtime string
	// ProxyMode is iptables or ipvs.
	ProxyMode string
	// Domain is the DNS domain of services: "cluster.local".
	Domain string
	// Host and Port are where clients reach the API: a name or an IPv4 address.
	Host string
	Port int
	// LoadBalancer says how Host reaches several masters: external, vip or local.
	LoadBalancer string
}

// Registries are where container images come from.
type Registries struct {
	// Mirrors are URLs (http or https) of mirrors of Docker Hub.
	Mirrors []string
	// Insecure are registries, HOST or HOST:PORT, that are reached without TLS or with a certificate nobody knows.
	Insecure []string
}

// Addon is a manifest that is applied to the cluster once its API answers.
type Addon struct {
	// Name of the profile's addon, or the path of the user's file as written.
	Name string
	// Content of the user's file; nil for an addon of the profile.
	Content []byte
	// Path of the entry, as in addons[0].
	Path string
}

// Additions are what a user lays over the profile, on all machines, on those of a role or on one. Later ones win over
// earlier ones: overlays, then Butane, then files and units.
type Additions struct {
	Overlays []Overlay
	Butane   []Butane
	Files    []File
	Units    []Unit
	// Args are flags of components by name, "kubelet", each as name and value.
	Args map[string][]Arg
	// Path of the value that holds them: "", "roles.node" or "machines[1]".
	Path string
}

// Overlay is a directory whose files are laid over those of a machine.
type Overlay struct {
	// Name is the directory as written.
	Name string
	FS   fs.FS
	// Path of the entry, as in overlays[0].
	Path string
}

// Butane is a user's Butane template.
type Butane struct {
	// Name is the file as written.
	Name    string
	Content []byte
	// Path of the entry, as in butane[0].
	Path string
}

// Unit is a systemd unit that a machine is given, or a change to one that it has.
type Unit struct {
	// Name with its suffix: "backup.timer".
	Name string
	// Content of the unit file; "" where the unit is there already.
	Content string
	// Enabled is nil where the unit's state is left as it is.
	Enabled *bool
	Mask    bool
	// DropIns by file name: "10-limits.conf".
	DropIns map[string]string
}

// Arg is a flag of a component: its name without dashes, and its value as written.
type Arg struct {
	Name, Value string
	// Path of the value, as in args.kubelet.max-pods.
	Path string
}

// PKI is what the cluster's certificates are to be.
type PKI struct {
	// Key is one of rsa-2048, rsa-4096, ecdsa-p256 and ecdsa-p384.
	Key string
	// Expiry and CAExpiry are the lifetimes of certificates and of authorities. The second is never the shorter.
	Expiry, CAExpiry time.Duration
	Subject          Subject
	// Config and Request are cfssl's ca-config.json and ca-csr.json, and their names as written; nil where the user
	// brings none.
	ConfigName, RequestName string
	Config, Request         []byte
	// Authorities that the user brings, by name.
	Authorities map[string]Authority
}

// Authority is a certificate authority that the user brings.
type Authority struct {
	// Certificate and Key are PEM.
	Certificate []byte
	Key         []byte `json:"-"`
	// Path of the entry, as in pki.authorities.kubernetes.
	Path string
}

// String gives no part of the key.
func (a Authority) String() string { return "authority " + a.Path }

// GoString gives no part of the key.
func (a Authority) GoString() string { return a.String() }

// Subject is the part of a distinguished name that all certificates of a cluster share. What is not given is "".
type Subject struct {
	Country, Province, Locality, Organization, Unit string
}

// Base is the base image that the machines start from.
type Base struct {
	// Debian is the release to bootstrap: "bookworm".
	Debian string
	// Mirrors to take packages from, the first first; none for the default of the release.
	Mirrors []string
	// Kernel is generic or cloud.
	Kernel string
	// Packages beside those of the profile, in the order of the file.
	Packages []string
}

// Components is where the programs come from that machines have beside those of their packages.
type Components struct {
	// Source is auto, packages, release or modules.
	Source   string
	Archives []Archive
}

// Archive is an archive with programs: a URL (http or https), or a file as written, relative to the cluster file. It has
// a digest at least, in lower case.
type Archive struct {
	URL, File, SHA256, SHA512 string
}

// Images are the container images that machines have before they reach a registry.
type Images struct {
	// Source of those that the profile wants: auto, made, pull or none.
	Source string
	// Preload are the user's own.
	Preload []Preload
}

// Preload is one of a file with images, a directory with an OCI image layout, both as written and relative to the cluster
// file, and the reference of an image in a registry.
type Preload struct {
	Archive, Layout, Pull string
	// Path of the entry, as in images.preload[0].
	Path string
}

// User is a user of every machine, beside root.
type User struct {
	Name string
	// UID is 0 where the next free one is to be taken.
	UID int64
	// Groups beside the user's own.
	Groups []string
	// Shell is "" where it is not given.
	Shell string
	// PasswordHash is a hash as crypt(5) has it, "" where no password logs in.
	PasswordHash string
	// AuthorizedKeys are lines of an authorized_keys file (sshd(8)).
	AuthorizedKeys []string
}

// Machine is one machine of the cluster.
type Machine struct {
	// Name is an RFC 1123 label.
	Name string
	// Roles as written, none where the profile's default roles are meant.
	Roles   []string
	Address netip.Addr
	// MAC in lower case with colons.
	MAC string
	// Disk and Memory are in bytes, whole MiB.
	Disk, Memory int64
	CPUs         int
	Additions    Additions
	// Path of the entry that the machine comes from, as in machines[1]: what a problem with the machine is reported at.
	// The machines of a range share it.
	Path string
}

// File is a file that a machine is given on top.
type File struct {
	// Path on the machine, absolute and clean.
	Path    string
	Content []byte
	// Mode holds the nine permission bits.
	Mode uint32
	// User and Group that own it, by name.
	User, Group string
}

// At gives the place in the cluster file of the value at a path such as machines[1].roles[0], or of the nearest value
// around it that the file writes.
func (s *Spec) At(path string) Position { return s.source.at(path) }

// Problems starts an empty collection of problems with this cluster file, for a stage that finds some after it was
// loaded.
func (s *Spec) Problems() *Problems { return &Problems{source: s.source} }
