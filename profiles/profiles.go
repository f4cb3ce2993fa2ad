// Package profiles embeds the deployments that nodekiln knows by name, one directory each, and machine.bu, the Butane
// template of what every machine is given whatever its profile: its name, addresses and identity.
package profiles

import "embed"

//go:embed machine.bu all:etcd
var FS embed.FS
