package plan

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/cluster"
)

// contradiction tells how a flag says something else than the cluster file, which has a key for it: certificates, other
// components and addons go by that.
func contradiction(a cluster.Arg, k *Kubernetes) error {
	var key string
	var network netip.Prefix
	switch strings.ReplaceAll(a.Name, "_", "-") {
	case "service-cluster-ip-range":
		key, network = "network.services", k.Services
	case "cluster-cidr":
		key, network = "network.pods", k.Pods
	default:
		return nil
	}
	if a.Value == network.String() {
		return nil
	}
	return fmt.Errorf("%s is not %s, %s, which the rest of the cluster goes by: set that, and leave the flag out", a.Value, key, network)
}
