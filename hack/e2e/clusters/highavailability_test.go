package clusters

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/hack/e2e/frame"
)

// threeMasters are the API's and etcd's quorum, with a load balancer on the node.
const threeMasters = `apiVersion: nodekiln.dev/v1
kind: Cluster
metadata: {name: quorum}
profile: deepin
kubernetes: {version: ` + release + `, loadBalancer: local}
network: {machines: 10.1.10.0/24}
pki: {key: ecdsa-p256, expiry: 8760h, caExpiry: 87600h}
base: {debian: bookworm}
machines:
  - {name: "master[1-3]", roles: [master, etcd], address: "10.1.10.[101-103]", disk: 4G, memory: 1536M}
  - {name: node1, address: 10.1.10.111, disk: 4G, memory: 1G}
`

// TestHighAvailability switches each master off in turn. The node, which knows the API by its own load balancer alone,
// goes on reading and writing there.
func TestHighAvailability(t *testing.T) {
	c := bake(t, threeMasters)
	c.start(t, machines(t, c.images))
	c.healthy(t)
	for _, master := range []string{"master1", "master2", "master3"} {
		ok := t.Run(master+" is off", func(t *testing.T) {
			if err := c.Kill(master); err != nil {
				t.Fatal(err)
			}
			c.answers(t, "node1", master)
			if err := c.PowerOn(t.Context(), master); err != nil {
				t.Fatal(err)
			}
			c.healthy(t, master)
		})
		if !ok {
			return
		}
	}
	c.answers(t, "node1", "none")
}

// answers waits until the API answers through a node: it takes what the node writes, and gives it back each time that it
// is asked, whichever master the load balancer asks.
func (c *cluster) answers(t *testing.T, node, off string) {
	t.Helper()
	const times = 6 // twice each master
	begin := time.Now()
	frame.Eventually(t, patience, "the API answers through "+node+" while off is "+off, func(ctx context.Context) error {
		said, err := c.ssh(ctx, node, fmt.Sprintf(
			`kubectl="kubectl --kubeconfig=/etc/kubernetes/kubeconfig --request-timeout=20s"
			$kubectl label --overwrite node %[1]s off=%[2]s || exit
			for i in $(seq %[3]d); do $kubectl get node %[1]s --output=jsonpath='{.metadata.labels.off} ' || exit; done`, node, off, times))
		if err != nil {
			return err
		}
		if strings.Count(said, off+" ") < times {
			return errors.New(said)
		}
		return nil
	})
	t.Logf("the API answers through %s %s after the power of %s, load %s", node, time.Since(begin).Round(time.Second), off, load(t))
}
