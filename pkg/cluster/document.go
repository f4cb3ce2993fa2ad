package cluster

// The types here are the cluster file as it is written, and the only place that says which keys there are, which of
// them are needed, what they may be and what they are when left out. The decoder and the JSON Schema both follow
// their tags: yaml names a key, jsonschema gives its rules in the grammar of github.com/invopop/jsonschema, of which
// the decoder obeys required, enum, default, minimum and maximum. A pattern is only for the schema: the checks say in
// words what a pattern would refuse. The keys of an embedded struct are keys of what it is embedded in.

// document is a whole cluster file.
type document struct {
	APIVersion string      `yaml:"apiVersion" jsonschema:"required,enum=nodekiln.dev/v1" jsonschema_description:"Version of this format"`
	Kind       string      `yaml:"kind" jsonschema:"required,enum=Cluster" jsonschema_description:"What the file describes"`
	Metadata   metadata    `yaml:"metadata" jsonschema:"required" jsonschema_description:"What identifies the cluster"`
	Profile    string      `yaml:"profile" jsonschema:"required,minLength=1" jsonschema_description:"Name of an embedded profile or a directory with a slash in it (./site), relative to this file"`
	Kubernetes kubernetes  `yaml:"kubernetes" jsonschema_description:"What Kubernetes is to be; the profile's where a key is left out"`
	Network    network     `yaml:"network" jsonschema:"required" jsonschema_description:"The network that the machines share, and those of the cluster on it"`
	Registries registries  `yaml:"registries" jsonschema_description:"Where container images come from"`
	PKI        keys        `yaml:"pki" jsonschema_description:"What the cluster's certificates are to be"`
	Base       base        `yaml:"base" jsonschema_description:"The base image that the machines start from"`
	Components components  `yaml:"components" jsonschema_description:"Where the programs come from that the machines have beside those of their packages"`
	Images     images      `yaml:"images" jsonschema_description:"Container images that the machines have before they reach a registry"`
	UserData   userData    `yaml:"userData" jsonschema_description:"What cloud-init is given, where a stock image makes itself the machine"`
	SSH        ssh         `yaml:"ssh" jsonschema_description:"Who may log in as root"`
	Users      []user      `yaml:"users" jsonschema_description:"Users of every machine beside root"`
	Settings   settings    `yaml:"settings" jsonschema_description:"Parameters of the profile, by name"`
	Addons     []addonText `yaml:"addons" jsonschema_description:"Manifests that are applied to the cluster: addons of the profile by name, and files of your own with a slash in them (./site/metallb.yaml), relative to this file; the profile's default ones when left out"`
	additions
	Roles    map[string]additions `yaml:"roles" jsonschema_description:"What the machines of a role are given on top, by the name of the role"`
	Machines []machine            `yaml:"machines" jsonschema:"required,minItems=1" jsonschema_description:"The machines; an entry whose name is a range stands for several"`
}

type kubernetes struct {
	Version      versionText  `yaml:"version" jsonschema_description:"Version of Kubernetes, as in 1.34.4"`
	Runtime      string       `yaml:"runtime" jsonschema:"enum=containerd,enum=docker" jsonschema_description:"What runs the containers"`
	ProxyMode    string       `yaml:"proxyMode" jsonschema:"enum=iptables,enum=ipvs" jsonschema_description:"How kube-proxy directs what is sent to a service"`
	Domain       string       `yaml:"domain" jsonschema:"maxLength=253" jsonschema_description:"DNS domain of the services, as in cluster.local"`
	Endpoint     endpointText `yaml:"endpoint" jsonschema_description:"Where clients reach the API: a DNS name or an IPv4 address, and a port (HOST:PORT)"`
	LoadBalancer string       `yaml:"loadBalancer" jsonschema:"enum=external,enum=vip,enum=local" jsonschema_description:"How the endpoint reaches several masters: external is a load balancer of your own, vip an unused address that one of the masters holds at a time, local a load balancer on each other machine"`
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
	Hosts    string     `yaml:"hosts" jsonschema:"enum=servers,enum=all,default=servers" jsonschema_description:"Whose names each machine has in /etc/hosts: servers are the machines that others look for by name, so that a node can be added without a change to another machine; all are all"`
	Pods     prefixText `yaml:"pods" jsonschema_description:"IPv4 network that pods have their addresses in, with a /24 for each machine"`
	Services prefixText `yaml:"services" jsonschema_description:"IPv4 network that services have their addresses in"`
}

type registries struct {
	Mirrors  []string `yaml:"mirrors" jsonschema_description:"URLs of mirrors of Docker Hub (http or https); the first that has an image gives it"`
	Insecure []string `yaml:"insecure" jsonschema_description:"Registries (HOST, HOST:PORT or a network in CIDR notation) that are reached without TLS or whose certificate is not verified"`
}

type keys struct {
	Key         string               `yaml:"key" jsonschema:"enum=rsa-2048,enum=rsa-4096,enum=ecdsa-p256,enum=ecdsa-p384,default=ecdsa-p256" jsonschema_description:"Algorithm and size of the keys"`
	Expiry      durationText         `yaml:"expiry" jsonschema:"default=8760h" jsonschema_description:"Lifetime of a certificate"`
	CAExpiry    durationText         `yaml:"caExpiry" jsonschema:"default=87600h" jsonschema_description:"Lifetime of an authority"`
	Subject     subject              `yaml:"subject" jsonschema_description:"The part of the distinguished name that all certificates share"`
	Authorities map[string]authority `yaml:"authorities" jsonschema_description:"Authorities of your own, by the name that the profile gives them"`
	Config      sourceText           `yaml:"config" jsonschema_description:"A ca-config.json of cfssl, relative to this file; what it says of certificates wins"`
	Request     sourceText           `yaml:"request" jsonschema_description:"A ca-csr.json of cfssl, relative to this file; what it says of authorities wins"`
}

type authority struct {
	Certificate sourceText `yaml:"certificate" jsonschema:"required" jsonschema_description:"Its certificate (PEM), relative to this file and not outside its directory"`
	Key         sourceText `yaml:"key" jsonschema:"required" jsonschema_description:"Its private key (PEM), relative to this file and not outside its directory; nobody but its owner may read it"`
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

type components struct {
	Source   string    `yaml:"source" jsonschema:"enum=auto,enum=packages,enum=release,enum=modules,default=auto" jsonschema_description:"release unpacks the archives, modules builds from Go modules, packages adds nothing to the Debian packages, auto takes the archives where they have a program and else builds it"`
	Archives []archive `yaml:"archives" jsonschema_description:"Official archives (tar, tar.gz) with programs for x86-64; the first that has a program gives it"`
}

// archive has digests as sha256sum(1) and sha512sum(1) print them.
type archive struct {
	URL    string     `yaml:"url" jsonschema_description:"Where the archive is (http or https)"`
	File   sourceText `yaml:"file" jsonschema_description:"The archive, relative to this file and not outside its directory"`
	SHA256 string     `yaml:"sha256" jsonschema:"pattern=^[0-9A-Fa-f]{64}$" jsonschema_description:"SHA-256 of the archive in hexadecimal"`
	SHA512 string     `yaml:"sha512" jsonschema:"pattern=^[0-9A-Fa-f]{128}$" jsonschema_description:"SHA-512 of the archive in hexadecimal"`
}

type images struct {
	Source  string    `yaml:"source" jsonschema:"enum=auto,enum=made,enum=pull,enum=none,default=auto" jsonschema_description:"Where the images come from that the profile's machines cannot do without: made puts them together from the base and the components, pull takes them from their registries while building, none leaves them and preload out, auto is made"`
	Preload []preload `yaml:"preload" jsonschema_description:"Images of your own"`
}

// preload has one of its keys.
type preload struct {
	Archive sourceText `yaml:"archive" jsonschema_description:"A file of docker save or an OCI image layout as a tar file, plain or compressed by gzip or zstd; relative to this file and not outside its directory"`
	Layout  sourceText `yaml:"layout" jsonschema_description:"The directory of an OCI image layout, relative to this file and not outside its directory"`
	Pull    string     `yaml:"pull" jsonschema_description:"Reference of an image in a registry, as in registry.example.com/app:1, which the build pulls; with @sha256: and its digest it stays the same for ever"`
}

type userData struct {
	Target string `yaml:"target" jsonschema:"enum=nocloud,enum=openstack,enum=ec2,default=nocloud" jsonschema_description:"Where user-data is stored: openstack and ec2 limit its size (openstack takes more in files to inject), nocloud is a volume and does not"`
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
	additions
}

// additions are given to all machines, to those of a role, or to those of one entry, by the same keys.
type additions struct {
	Overlays []sourceText `yaml:"overlays" jsonschema_description:"Directories whose files are laid over a machine's root, relative to this file and not outside its directory"`
	Butane   []sourceText `yaml:"butane" jsonschema_description:"Butane templates to merge, relative to this file and not outside its directory"`
	Files    []file       `yaml:"files" jsonschema_description:"Files that a machine is given on top"`
	Units    []unitFile   `yaml:"units" jsonschema_description:"systemd units that a machine is given, and changes to those that it has"`
	Args     args         `yaml:"args" jsonschema_description:"Flags of components, by component (kubelet) and name without dashes (max-pods)"`
}

// args are the values of flags as they are written.
type args map[string]map[string]scalarText

type unitFile struct {
	Name     unitText   `yaml:"name" jsonschema:"required" jsonschema_description:"Name of the unit with its suffix"`
	Contents *string    `yaml:"contents" jsonschema_description:"The unit file; neither this nor a source where the machine has the unit already"`
	Source   sourceText `yaml:"source" jsonschema_description:"The unit file to copy, relative to the cluster file and not outside its directory"`
	Enabled  *bool      `yaml:"enabled" jsonschema_description:"Whether the unit is started as its [Install] section says; left as it is when left out"`
	Mask     bool       `yaml:"mask" jsonschema:"default=false" jsonschema_description:"Keeps anything from starting the unit"`
	DropIns  []dropIn   `yaml:"dropins" jsonschema_description:"Files that change parts of the unit"`
}

type dropIn struct {
	Name     dropInText `yaml:"name" jsonschema:"required" jsonschema_description:"Name of the file, as in 10-limits.conf"`
	Contents *string    `yaml:"contents" jsonschema_description:"What is in the file"`
	Source   sourceText `yaml:"source" jsonschema_description:"A file to copy, relative to the cluster file and not outside its directory"`
}

type file struct {
	Path     pathText    `yaml:"path" jsonschema:"required" jsonschema_description:"Where the file is put on the machine"`
	Contents *string     `yaml:"contents" jsonschema_description:"What is in the file"`
	Source   sourceText  `yaml:"source" jsonschema_description:"A file to copy, relative to the cluster file and not outside its directory"`
	Mode     modeText    `yaml:"mode" jsonschema:"default=0644" jsonschema_description:"Permissions in octal"`
	User     accountText `yaml:"user" jsonschema:"default=root" jsonschema_description:"Owner"`
	Group    accountText `yaml:"group" jsonschema:"default=root" jsonschema_description:"Group that owns the file"`
}
