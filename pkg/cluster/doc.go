// Package cluster reads the cluster file: what a person writes of a cluster, in YAML, in one file. [Load] gives it as
// a checked value, [Spec], or says everything that is wrong with it at once, each with its place:
//
//	cluster.yaml:14:25: machines[1].address: 10.1.10.104 is used twice (also machines[0])
//
// It knows what a machine, an address and a certificate are, but not what a profile makes of them: whether a role is
// known, a setting is right and a quorum is odd is for the stages after it to check, which report to the same
// [Problems].
//
// # The file
//
// This is all that a cluster file can hold. What has a default is shown with it; what has none and is not needed is
// marked as optional. An unknown key is an error, as is one that is written twice. Files and directories of the user's
// own are named relative to the cluster file, and are not outside its directory. What is given to a machine is laid over
// what its roles are given, and that over what all machines are.
//
//	apiVersion: nodekiln.dev/v1
//	kind: Cluster
//	metadata:
//	  name: linux                      # RFC 1123 label
//	profile: etcd                      # embedded name, or a directory with a slash in it: ./site
//	kubernetes:                        # optional, and each of its keys: the profile's
//	  version: 1.34.4                  # or 1.34
//	  runtime: containerd              # or docker
//	  proxyMode: iptables              # or ipvs
//	  domain: cluster.local            # of the services
//	  endpoint: 192.168.56.100:6443    # where clients reach the API: a name or an IPv4 address, and a port
//	  loadBalancer: vip                # how it reaches several masters: vip, external or local
//	network:
//	  machines: 192.168.56.0/24        # IPv4
//	  gateway: 192.168.56.1            # optional
//	  dns: [192.168.56.1]              # optional
//	  ntp: [pool.ntp.org]              # optional
//	  domain: lab.example.org          # optional
//	  pods: 10.244.0.0/16              # optional: the profile's; a /24 for each machine
//	  services: 10.254.0.0/16          # optional: the profile's; /12 to /28
//	userData: {target: openstack}      # optional; or ec2, or nocloud: what limits the size of cloud-init's user-data
//	registries:                        # optional
//	  mirrors: [https://mirror.example.com]   # of Docker Hub
//	  insecure: [registry.lab:5000]    # HOST, HOST:PORT or a network
//	pki:
//	  key: ecdsa-p256                  # or ecdsa-p384, rsa-2048, rsa-4096
//	  expiry: 8760h                    # or 365d; not longer than caExpiry
//	  caExpiry: 87600h
//	  subject:                         # each optional
//	    country: CN
//	    province: BeiJing
//	    locality: BeiJing
//	    organization: k8s
//	    unit: System
//	  authorities:                     # optional: your own, by the profile's name for it; nobody else may read the key
//	    kubernetes: {certificate: ca.pem, key: ca-key.pem}
//	  config: ca-config.json           # optional: cfssl's; wins over expiry
//	  request: ca-csr.json             # optional: cfssl's; wins over key, caExpiry and subject
//	base:
//	  debian: bookworm                 # or trixie
//	  mirrors:                         # optional; the first that has a package gives it
//	    - http://deb.debian.org/debian
//	  kernel: generic                  # or cloud: smaller, for virtual machines without AHCI and e1000
//	  packages: [tcpdump]              # optional; beside those of the profile
//	components:                        # Kubernetes' own programs and what goes with them
//	  source: auto                     # or release: from the archives; modules: built; packages: nothing to add
//	  archives:                        # optional; each has a url or a file, and a sha256, a sha512 or both
//	    - url: https://dl.k8s.io/v1.34.4/kubernetes-server-linux-amd64.tar.gz
//	      sha256: 0000000000000000000000000000000000000000000000000000000000000abc
//	images:                            # container images that the machines have before they reach a registry
//	  source: auto                     # or made: of the base and the components; pull: from their registries; none
//	  preload:                         # optional; each has one of the three
//	    - archive: app.tar             # of docker save, or an OCI image layout; plain, or compressed by gzip or zstd
//	    - layout: app                  # the directory of an OCI image layout
//	    - pull: registry.example.com/app:1
//	ssh:
//	  authorizedKeys:                  # optional; who logs in as root
//	    - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKCVP+JtBDA4S3M6v6M13GKFecaOWNOJODBBWHbDeSxN admin@lab
//	users:                             # optional
//	  - name: ops
//	    uid: 1000                      # optional: the next free one
//	    groups: [sudo]                 # optional
//	    shell: /bin/bash               # optional
//	    passwordHash: $6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.
//	    authorizedKeys:                # optional
//	      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFJKTFpIkTIsc0yX1vTtyVQnSrGDWMwQsHVlhLtS0gWR ops@lab
//	settings:                          # optional; which there are is up to the profile
//	  heartbeatInterval: 500
//	addons: [coredns, ./metallb.yaml]  # optional: the profile's default ones; a file of your own has a slash in it
//	overlays: [site]                   # optional; directories whose files are laid over a machine's root
//	butane: [extra.bu]                 # optional; Butane templates
//	units:                             # optional
//	  - name: backup.timer
//	    contents: |                    # or a source; neither where the machine has the unit already
//	      [Timer]
//	      OnCalendar=daily
//	      [Install]
//	      WantedBy=timers.target
//	    enabled: true                  # left as it is when left out
//	    mask: false
//	    dropins:                       # optional
//	      - name: 10-early.conf
//	        contents: |                # or a source
//	          [Timer]
//	          OnCalendar=03:00
//	args:                              # optional; flags by component and name
//	  kubelet: {max-pods: 200}
//	roles:                             # optional; overlays, butane, files, units and args for the machines of a role
//	  node:
//	    args: {kubelet: {v: 4}}
//	machines:
//	  - name: linux-node1
//	    roles: [etcd]                  # optional: the profile's default roles
//	    address: 192.168.56.110
//	    mac: 52:54:00:a8:38:6e         # this is what 192.168.56.110 gives when it is left out
//	    disk: 8G                       # K, M, G and T are binary
//	    memory: 512M
//	    cpus: 1
//	    files:                         # optional; overlays, butane, units and args too
//	      - path: /etc/motd
//	        contents: |                # or source: motd.txt, relative to the cluster file
//	          The first of three.
//	        mode: 0644
//	        user: root
//	        group: root
//	  - name: linux-node[2-3]
//	    address: 192.168.56.[120,130]
//
// # Ranges
//
// The name, address and mac of a machine may hold numbers in brackets, and the entry then stands for several machines.
// node[1-3,7] is node1, node2, node3 and node7; node[01-12] keeps the width; in rack[1-2]-node[1-4] the last brackets
// count fastest. There are as many addresses as names, and they are paired in order. The brackets of a MAC address
// count in hexadecimal.
//
// # Anchors
//
// Anchors, aliases and merge keys (<<) can be used wherever they save writing:
//
//	machines:
//	  - &node {name: node1, address: 10.1.10.1, disk: 40G, memory: 4G}
//	  - {<<: *node, name: node2, address: 10.1.10.2}
package cluster
