package cluster

import (
	"net/netip"
	"time"
)

// Spec is what a cluster file says, checked, with its defaults filled in and its ranges expanded.
type Spec struct {
	// Name of the cluster, an RFC 1123 label.
	Name string
	// Profile is the name of an embedded profile, or a directory, which holds a slash.
	Profile string
	Network Network
	PKI     PKI
	Base    Base
	// AuthorizedKeys may log in as root: lines of an authorized_keys file (sshd(8)).
	AuthorizedKeys []string
	Users          []User
	// Settings of the profile by name, their values as they are written.
	Settings map[string]string
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
}

// PKI is what the cluster's certificates are to be.
type PKI struct {
	// Key is one of rsa-2048, rsa-4096, ecdsa-p256 and ecdsa-p384.
	Key string
	// Expiry and CAExpiry are the lifetimes of certificates and of authorities. The second is never the shorter.
	Expiry, CAExpiry time.Duration
	Subject          Subject
}

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
	Files        []File
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
