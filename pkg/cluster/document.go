package cluster

// The types here are the cluster file as it is written, and the only place that says which keys there are, which of
// them are needed, what they may be and what they are when left out. The decoder and the JSON Schema both follow
// their tags: yaml names a key, jsonschema gives its rules in the grammar of github.com/invopop/jsonschema, of which
// the decoder obeys required, enum, default, minimum and maximum. A pattern is only for the schema: the checks say in
// words what a pattern would refuse.

// document is a whole cluster file.
type document struct {
	APIVersion string    `yaml:"apiVersion" jsonschema:"required,enum=nodekiln.dev/v1" jsonschema_description:"Version of this format"`
	Kind       string    `yaml:"kind" jsonschema:"required,enum=Cluster" jsonschema_description:"What the file describes"`
	Metadata   metadata  `yaml:"metadata" jsonschema:"required" jsonschema_description:"What identifies the cluster"`
	Profile    string    `yaml:"profile" jsonschema:"required,minLength=1" jsonschema_description:"Name of an embedded profile or a directory with a slash in it (./site), relative to this file"`
	Network    network   `yaml:"network" jsonschema:"required" jsonschema_description:"The network that the machines share"`
	PKI        keys      `yaml:"pki" jsonschema_description:"What the cluster's certificates are to be"`
	Base       base      `yaml:"base" jsonschema_description:"The base image that the machines start from"`
	SSH        ssh       `yaml:"ssh" jsonschema_description:"Who may log in as root"`
	Users      []user    `yaml:"users" jsonschema_description:"Users of every machine beside root"`
	Settings   settings  `yaml:"settings" jsonschema_description:"Parameters of the profile, by name"`
	Machines   []machine `yaml:"machines" jsonschema:"required,minItems=1" jsonschema_description:"The machines; an entry whose name is a range stands for several"`
}

type metadata struct {
	Name labelText `yaml:"name" jsonschema:"required" jsonschema_description:"Name of the cluster (an RFC 1123 label)"`
}

type network struct {
	Machines prefixText `yaml:"machines" jsonschema:"required" jsonschema_description:"IPv4 network that all the machines' addresses are in"`
	Gateway  ipv4Text   `yaml:"gateway" jsonschema_description:"Address of the default router; none when left out"`
	DNS      []ipv4Text `yaml:"dns" jsonschema_description:"Addresses of the name servers"`
	NTP      []string   `yaml:"ntp" jsonschema_description:"Time servers, by name or address"`
	Domain   string     `yaml:"domain" jsonschema:"maxLength=253" jsonschema_description:"DNS domain of the machines"`
}

type keys struct {
	Key      string       `yaml:"key" jsonschema:"enum=rsa-2048,enum=rsa-4096,enum=ecdsa-p256,enum=ecdsa-p384,default=ecdsa-p256" jsonschema_description:"Algorithm and size of the keys"`
	Expiry   durationText `yaml:"expiry" jsonschema:"default=8760h" jsonschema_description:"Lifetime of a certificate"`
	CAExpiry durationText `yaml:"caExpiry" jsonschema:"default=87600h" jsonschema_description:"Lifetime of an authority"`
	Subject  subject      `yaml:"subject" jsonschema_description:"The part of the distinguished name that all certificates share"`
}

// subject has the upper bounds of RFC 5280, appendix A.1.
type subject struct {
	Country      string `yaml:"country" jsonschema:"pattern=^[A-Z]{2}$" jsonschema_description:"Code of two capital letters (ISO 3166)"`
	Province     string `yaml:"province" jsonschema:"maxLength=128" jsonschema_description:"State or province"`
	Locality     string `yaml:"locality" jsonschema:"maxLength=128" jsonschema_description:"City or locality"`
	Organization string `yaml:"organization" jsonschema:"maxLength=64" jsonschema_description:"Organization"`
	Unit         string `yaml:"unit" jsonschema:"maxLength=64" jsonschema_description:"Organizational unit"`
}

type base struct {
	Debian   string        `yaml:"debian" jsonschema:"enum=bookworm,enum=trixie,default=bookworm" jsonschema_description:"Debian release to bootstrap"`
	Mirrors  []string      `yaml:"mirrors" jsonschema_description:"URLs of Debian mirrors (http, https or file); the first that has a package gives it"`
	Kernel   string        `yaml:"kernel" jsonschema:"enum=generic,enum=cloud,default=generic" jsonschema_description:"generic drives hardware; cloud is smaller and knows virtual machines only (neither AHCI nor e1000)"`
	Packages []packageText `yaml:"packages" jsonschema_description:"Debian packages beside those of the profile"`
}

type ssh struct {
	AuthorizedKeys []string `yaml:"authorizedKeys" jsonschema_description:"Public keys that may log in as root, as lines of an authorized_keys file"`
}

type user struct {
	Name           accountText   `yaml:"name" jsonschema:"required" jsonschema_description:"Login name"`
	UID            int64         `yaml:"uid" jsonschema:"minimum=1000,maximum=4294967293" jsonschema_description:"User number; the next free one when left out"`
	Groups         []accountText `yaml:"groups" jsonschema_description:"Groups beside the user's own"`
	Shell          pathText      `yaml:"shell" jsonschema_description:"Login shell"`
	PasswordHash   string        `yaml:"passwordHash" jsonschema_description:"Hash of the password as crypt(5) has it, and mkpasswd(1) makes it; without one no password logs in"`
	AuthorizedKeys []string      `yaml:"authorizedKeys" jsonschema_description:"Public keys that may log in, as lines of an authorized_keys file"`
}

// settings are the scalars of the file as they are written.
type settings map[string]scalarText

type machine struct {
	Name    nameRangeText    `yaml:"name" jsonschema:"required" jsonschema_description:"Name of the machine (an RFC 1123 label) or a range of names"`
	Roles   []labelText      `yaml:"roles" jsonschema_description:"What the machine is to be; the profile's default roles when left out"`
	Address addressRangeText `yaml:"address" jsonschema:"required" jsonschema_description:"IPv4 address or a range of as many addresses as there are names"`
	MAC     macRangeText     `yaml:"mac" jsonschema_description:"MAC address or a range of as many (counted in hexadecimal); 52:54:00 and the last three bytes of the address when left out"`
	Disk    sizeText         `yaml:"disk" jsonschema:"default=8G" jsonschema_description:"Virtual size of the disk in binary units"`
	Memory  sizeText         `yaml:"memory" jsonschema:"default=512M" jsonschema_description:"Memory of the virtual machine in binary units"`
	CPUs    int64            `yaml:"cpus" jsonschema:"minimum=1,maximum=512,default=1" jsonschema_description:"Processors of the virtual machine"`
	Files   []file           `yaml:"files" jsonschema_description:"Files that this machine is given on top"`
}

type file struct {
	Path     pathText    `yaml:"path" jsonschema:"required" jsonschema_description:"Where the file is put on the machine"`
	Contents *string     `yaml:"contents" jsonschema_description:"What is in the file"`
	Source   string      `yaml:"source" jsonschema:"minLength=1" jsonschema_description:"A file to copy, relative to the cluster file and not outside its directory"`
	Mode     modeText    `yaml:"mode" jsonschema:"default=0644" jsonschema_description:"Permissions in octal"`
	User     accountText `yaml:"user" jsonschema:"default=root" jsonschema_description:"Owner"`
	Group    accountText `yaml:"group" jsonschema:"default=root" jsonschema_description:"Group that owns the file"`
}
