package clusters

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// release of Kubernetes.
const release = "1.34.4"

// smallCluster is a master and nodes, with the least that they need, and the network that no other test has: services by
// IPVS, pods by routes between their machines. A wrong clock is that of a machine without a battery that finds no time
// server.
const smallCluster = `apiVersion: nodekiln.dev/v1
kind: Cluster
metadata: {name: days}
profile: deepin
kubernetes: {version: ` + release + `, proxyMode: ipvs}
settings: {flannelBackend: host-gw}
network: {machines: 10.1.10.0/24}
pki: {key: ecdsa-p256, expiry: 8760h, caExpiry: 87600h}
base: {debian: bookworm}
machines:
  - {name: master, roles: [etcd, master], address: 10.1.10.101, disk: 4G, memory: 1536M, cpus: 2}
  - {name: "node[1-2]", address: "10.1.10.[102-103]", disk: 4G, memory: 1G}
`

const (
	// delay of the master that comes late.
	delay = 2 * time.Minute
	// day that a clock is behind.
	day = 24 * time.Hour
)

// TestBadDays runs one cluster through all of them, one after the other: what a bad day breaks shows at the latest on
// the next.
func TestBadDays(t *testing.T) {
	c := bake(t, smallCluster)
	nodes := machines(t, c.images, "node1", "node2")
	nodes[1].ClockOffset = -day
	c.start(t, nodes)
	var before map[string]node
	for _, d := range []struct {
		name string
		test func(t *testing.T)
	}{
		{"the master comes late and a clock is a day behind", func(t *testing.T) { before = c.lateMaster(t) }},
		{"all lose power at once", func(t *testing.T) { before = c.powerCut(t, before) }},
		{"a disk is replaced", func(t *testing.T) { before = c.replacedDisk(t, before) }},
		{"a node is added", func(t *testing.T) { c.addedNode(t, before) }},
	} {
		if !t.Run(d.name, d.test) {
			return
		}
	}
}

// lateMaster switches the master on when the nodes have waited for it.
func (c *cluster) lateMaster(t *testing.T) map[string]node {
	absent := errors.New("the master is not there")
	ctx, cancel := context.WithTimeoutCause(t.Context(), delay, absent)
	defer cancel()
	if _, err := c.WaitHealthy(ctx); !errors.Is(err, absent) {
		t.Fatalf("nodes without a master: %v", err)
	}
	if err := c.Add(t.Context(), machines(t, c.images, "master")[0]); err != nil {
		t.Fatal(err)
	}
	c.healthy(t)
	said, err := c.ssh(t.Context(), "node2", "date +%s")
	if err != nil {
		t.Fatal(err)
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(said), 10, 64)
	if behind := time.Since(time.Unix(seconds, 0)); err != nil || behind < day-time.Hour || behind > day+time.Hour {
		t.Errorf("the clock of node2 is %s behind, not a day, %v", behind, err)
	}
	return c.ready(t, nil, nil, "node1", "node2")
}

func (c *cluster) powerCut(t *testing.T, before map[string]node) map[string]node {
	if _, err := c.kubectl(t.Context(), "master", "create", "configmap", "kiln", "--from-literal=fire=hot"); err != nil {
		t.Fatal(err)
	}
	if err := c.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.PowerOn(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.healthy(t)
	said, err := c.kubectl(t.Context(), "master", "get", "configmap", "kiln", "--output=jsonpath={.data.fire}")
	if err != nil || said != "hot" {
		t.Errorf("what was written before is %q, %v", said, err)
	}
	nodes := c.ready(t, before, []string{"node1", "node2"}, "node1", "node2")
	c.judge(t, "master")
	return nodes
}

// replacedDisk gives a node the disk that is baked for it anew.
func (c *cluster) replacedDisk(t *testing.T, before map[string]node) map[string]node {
	const mark = "/var/lib/kiln"
	if _, err := c.ssh(t.Context(), "node1", "touch "+mark+" && sync"); err != nil {
		t.Fatal(err)
	}
	old := machines(t, c.images, "node1")[0]
	if err := os.Remove(old.Disk); err != nil {
		t.Fatal(err)
	}
	c.build(t)
	fresh := machines(t, c.images, "node1")[0]
	if fresh.Digest != old.Digest {
		t.Errorf("the image was %s and is %s", old.Digest, fresh.Digest)
	}
	if err := c.Replace(t.Context(), fresh); err != nil {
		t.Fatal(err)
	}
	c.healthy(t, "node1")
	if _, err := c.ssh(t.Context(), "node1", "test ! -e "+mark); err != nil {
		t.Errorf("the disk is the old one: %v", err)
	}
	return c.ready(t, before, []string{"node1"}, "node1", "node2")
}

func (c *cluster) addedNode(t *testing.T, before map[string]node) {
	old := manifest(t, c.images)
	more := strings.NewReplacer("node[1-2]", "node[1-3]", "[102-103]", "[102-104]").Replace(smallCluster)
	if err := os.WriteFile(c.file, []byte(more), 0o644); err != nil {
		t.Fatal(err)
	}
	c.build(t)
	if now := manifest(t, c.images); now.Base != old.Base || !reflect.DeepEqual(now.Machines[:len(old.Machines)], old.Machines) {
		t.Errorf("the images of other machines have changed:\n%+v\n%+v", old, now)
	}
	if err := c.Add(t.Context(), machines(t, c.images, "node3")[0]); err != nil {
		t.Fatal(err)
	}
	c.healthy(t, "node3")
	c.ready(t, before, nil, "node1", "node2", "node3")
	// The API finds it too, although the master's image knows nothing of it.
	if said, err := c.kubectl(t.Context(), "master", "get", "--raw", "/api/v1/nodes/node3/proxy/healthz"); err != nil || said != "ok" {
		t.Errorf("the kubelet of node3 says %q by way of the API, %v", said, err)
	}
	c.judge(t, "master")
}

// build bakes the cluster file again to where its images are.
func (c *cluster) build(t *testing.T) {
	t.Helper()
	nodekiln.Run(t, "build", c.file, "--out", filepath.Dir(c.images))
}
