package clusters

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/hack/e2e/frame"
	"github.com/nodekiln/nodekiln/pkg/build"
	"github.com/nodekiln/nodekiln/pkg/lab"
	"github.com/nodekiln/nodekiln/pkg/verdict"
)

// patience is far more than it takes a cluster of emulated machines to become healthy on two busy processors.
const patience = 25 * time.Minute

// cluster is a cluster that was baked, and its machines, which run.
type cluster struct {
	*lab.Lab
	file, images string
	// addresses are those of the forwarded ports of each machine, by name.
	addresses map[string]map[string]string
}

// bake builds the images of a cluster file.
func bake(t *testing.T, clusterFile string) *cluster {
	t.Helper()
	c := &cluster{addresses: map[string]map[string]string{}}
	c.file, c.images = nodekiln.Lab(t, clusterFile)
	return c
}

// manifest reads what was built in a directory of images.
func manifest(t *testing.T, images string) *build.Manifest {
	t.Helper()
	m, err := build.ReadManifest(images)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// machines gives the machines of these names of a directory of images, and without names all.
func machines(t *testing.T, images string, names ...string) []lab.Machine {
	t.Helper()
	return slices.DeleteFunc(build.Machines(images, manifest(t, images)), func(m lab.Machine) bool {
		return len(names) > 0 && !slices.Contains(names, m.Name)
	})
}

// start switches machines on. The test's end cuts them off, and if the test has failed, says what they say of that.
func (c *cluster) start(t *testing.T, machines []lab.Machine) {
	t.Helper()
	var err error
	c.Lab, err = lab.Start(t.Context(), machines, lab.Options{Now: time.Now, Notice: func(text string) { t.Log(text) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			c.explain(t)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// healthy waits until the machines of these names, without names all, have said that they are healthy.
func (c *cluster) healthy(t *testing.T, names ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, fmt.Errorf("not healthy within %s", patience))
	defer cancel()
	results, err := c.WaitHealthy(ctx, names...)
	for _, r := range results {
		c.addresses[r.Machine] = r.Forwards
	}
	var table bytes.Buffer
	if err := lab.WriteTable(&table, results); err != nil {
		t.Fatal(err)
	}
	t.Logf("load %s\n%s", load(t), &table)
	if err != nil {
		t.Fatal(err)
	}
}

// load is how many programs have wanted a processor of this computer, for 1, 5 and 15 minutes: proc_loadavg(5).
func load(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}

// kubectl asks the API of a master as the operator.
func (c *cluster) kubectl(ctx context.Context, master string, args ...string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	// The one that was baked into the machines.
	found, err := filepath.Glob(filepath.Join(cache, "nodekiln", "component", "kubernetes-"+release+"-*", "usr", "bin", "kubectl"))
	if err != nil || len(found) == 0 {
		return "", errors.Join(fmt.Errorf("no kubectl of Kubernetes %s is in the cache", release), err)
	}
	cmd := exec.CommandContext(ctx, found[0], append([]string{
		"--kubeconfig=" + filepath.Join(c.images, build.KubeconfigName), "--server=https://" + c.addresses[master]["api"], "--request-timeout=30s",
	}, args...)...)
	var said, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, &stderr)
	}
	return said.String(), nil
}

// judge has nodekiln judge the cluster as its users would, by pods that talk.
func (c *cluster) judge(t *testing.T, master string) {
	t.Helper()
	admin, err := os.ReadFile(filepath.Join(c.images, build.KubeconfigName))
	if err != nil {
		t.Fatal(err)
	}
	admin, err = verdict.Redirect(admin, "https://"+c.addresses[master]["api"])
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), build.KubeconfigName)
	if err := os.WriteFile(file, admin, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Log(nodekiln.Run(t, "test", c.file, "--kubeconfig", file, "--timeout", patience.String()))
}

// ssh runs commands on a machine as root with the operator's key, and checks the machine's.
func (c *cluster) ssh(ctx context.Context, machine, script string) (string, error) {
	host, port, err := net.SplitHostPort(c.addresses[machine]["ssh"])
	if err != nil {
		return "", fmt.Errorf("the SSH port of %s: %w", machine, err)
	}
	bundle := filepath.Join(filepath.Dir(c.file), filepath.Base(c.images)+".pki")
	cmd := exec.CommandContext(ctx, "ssh", "-F", "/dev/null", "-i", filepath.Join(bundle, "operator", "id_ed25519"),
		"-o", "UserKnownHostsFile="+filepath.Join(c.images, build.KnownHostsName), "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes",
		"-o", "ConnectTimeout=60", "-o", "HostKeyAlias="+machine, "-p", port, "root@"+host, script)
	said, err := cmd.CombinedOutput()
	if err != nil {
		return string(said), fmt.Errorf("%s on %s: %w: %s", script, machine, err, said)
	}
	return string(said), nil
}

// explain logs what is wrong on each machine, as far as it can be asked.
func (c *cluster) explain(t *testing.T) {
	t.Helper()
	for machine := range c.addresses {
		// The test's own context has ended.
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		said, err := c.ssh(ctx, machine, "date; free -m; systemctl list-jobs; systemctl --failed; journalctl --boot --no-pager --lines=150")
		cancel()
		t.Logf("%s: %v\n%s", machine, err, said)
	}
}

// node is what the API knows of a node.
type node struct {
	// uid is that of the Node, which a node that is registered anew does not keep.
	uid string
	// boot is the kernel's name for the time since it was started, as the kubelet has reported it.
	boot string
	// ready is the status of the condition Ready.
	ready string
}

// nodes asks a master for all nodes by their names.
func (c *cluster) nodes(ctx context.Context, master string) (map[string]node, error) {
	said, err := c.kubectl(ctx, master, "get", "nodes", "--output=json")
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []struct {
			Metadata struct{ Name, UID string }
			Status   struct {
				NodeInfo   struct{ BootID string }
				Conditions []struct{ Type, Status string }
			}
		}
	}
	if err := json.Unmarshal([]byte(said), &list); err != nil {
		return nil, err
	}
	nodes := map[string]node{}
	for _, i := range list.Items {
		n := node{uid: i.Metadata.UID, boot: i.Status.NodeInfo.BootID}
		for _, condition := range i.Status.Conditions {
			if condition.Type == "Ready" {
				n.ready = condition.Status
			}
		}
		nodes[i.Metadata.Name] = n
	}
	return nodes, nil
}

// ready waits until the API has exactly the nodes of these names, all ready. Those that it had before are the same, and
// have been started since if they are among the restarted, and else not: what was reported before does not count.
func (c *cluster) ready(t *testing.T, before map[string]node, restarted []string, names ...string) map[string]node {
	t.Helper()
	var nodes map[string]node
	frame.Eventually(t, patience, "nodes are ready", func(ctx context.Context) error {
		var err error
		if nodes, err = c.nodes(ctx, "master"); err != nil {
			return err
		}
		if len(nodes) != len(names) {
			return fmt.Errorf("there are %d nodes, not %d: %v", len(nodes), len(names), nodes)
		}
		for _, name := range names {
			n, old := nodes[name], before[name]
			if n.ready != "True" || slices.Contains(restarted, name) && n.boot == old.boot {
				return fmt.Errorf("%s is %+v, and was %+v", name, n, old)
			}
		}
		return nil
	})
	for name, old := range before {
		n := nodes[name]
		if n.uid != old.uid {
			t.Errorf("%s has become another node: %+v, and was %+v", name, n, old)
		}
		if !slices.Contains(restarted, name) && n.boot != old.boot {
			t.Errorf("%s has been started anew: %+v, and was %+v", name, n, old)
		}
	}
	t.Logf("ready, load %s: %v", load(t), names)
	return nodes
}
