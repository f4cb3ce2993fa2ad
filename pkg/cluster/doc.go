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
// marked as optional. An unknown key is an error, as is one that is written twice.
//
//	apiVersion: nodekiln.dev/v1
//	kind: Cluster
//	metadata:
//	  name: linux                      # RFC 1123 label
//	profile: etcd                      # embedded name, or a directory with a slash in it: ./site
//	network:
//	  machines: 192.168.56.0/24        # IPv4
//	  gateway: 192.168.56.1            # optional
//	  dns: [192.168.56.1]              # optional
//	  ntp: [pool.ntp.org]              # optional
//	  domain: lab.example.org          # optional
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
//	base:
//	  debian: bookworm                 # or trixie
//	  mirrors:                         # optional; the first that has a package gives it
//	    - http://deb.debian.org/debian
//	  kernel: generic                  # or cloud: smaller, for virtual machines without AHCI and e1000
//	  packages: [tcpdump]              # optional; beside those of the profile
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
//	machines:
//	  - name: linux-node1
//	    roles: [etcd]                  # optional: the profile's default roles
//	    address: 192.168.56.110
//	    mac: 52:54:00:a8:38:6e         # this is what 192.168.56.110 gives when it is left out
//	    disk: 8G                       # K, M, G and T are binary
//	    memory: 512M
//	    cpus: 1
//	    files:                         # optional
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
