// Package profiles embeds the deployments that nodekiln knows by name, one directory each; machine.bu, the Butane
// template of what every machine is given whatever its profile: its name, addresses and identity; and library, the
// templates that profiles share.
package profiles

import "embed"

//go:embed machine.bu all:allinone all:binary all:centos all:deepin all:etcd all:kubeadm all:library
var FS embed.FS
