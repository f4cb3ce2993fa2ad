package e2e

import (
	"context"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/hack/e2e/frame"
)

// deployment is a profile with a control plane in units. Its example is what is started.
type deployment struct {
	profile string
	// alone makes the example's only master the only member of etcd.
	alone        *strings.Replacer
	master, node string
	// kubelet and proxy are the kubeconfigs of a node.
	kubelet, proxy string
	// absent are units whose programs neither the Debian here nor the release has.
	absent []string
}

func deployments() []deployment {
	return []deployment{
		{
			profile: "deepin", alone: strings.NewReplacer(), master: "master", node: "node1",
			kubelet: "/etc/kubernetes/kubeconfig", proxy: "/etc/kubernetes/kubeconfig",
		},
		{
			profile: "centos", alone: strings.NewReplacer(), master: "master", node: "slave1",
			kubelet: "/etc/kubernetes/kubelet.kubeconfig", proxy: "/etc/kubernetes/proxy.kubeconfig",
		},
		{
			profile: "binary", alone: strings.NewReplacer("roles: [etcd, node]", "roles: [node]"), master: "linux-node1", node: "linux-node2",
			kubelet: "/opt/kubernetes/cfg/kubelet.kubeconfig", proxy: "/opt/kubernetes/cfg/kube-proxy.kubeconfig",
			absent: []string{"flanneld.service"},
		},
	}
}

// controlPlane is a started master, and the files of a node that reaches it.
type controlPlane struct {
	deployment
	master, node      *machine
	operator, kubelet client
	file, out         string
	authority         string
	// restarts are how often the master's units were started again, until they worked.
	restarts map[string]string
}

func startControlPlane(t *testing.T, d deployment, base string, r release) *controlPlane {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "cluster.yaml")
	nodekiln.Run(t, "init", "--profile", d.profile, file)
	example, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := d.alone.Replace(strings.Replace(string(example), "version: 1.34.4", "version: "+r.version, 1))
	if !strings.Contains(changed, "version: "+r.version) {
		t.Fatalf("the example of %s is of another version", d.profile)
	}
	if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	// Without a base of its own in a cache it names owners, whose numbers here are those of another Debian.
	frame.Command(t, []string{"XDG_CACHE_HOME=" + t.TempDir()}, nodekiln.Path, "render", file, "--out", out)
	c := &controlPlane{
		deployment: d, file: file, out: out, restarts: map[string]string{},
		master: lay(t, base, filepath.Join(out, d.master), r.program), node: lay(t, base, filepath.Join(out, d.node), r.program),
	}
	join(t, c.master, c.node)
	// The node is where its kubelet would be; the operator is somewhere on the network, with a file and no machine.
	kubectl := []string{"nsenter", "--net=" + c.node.network, r.program, "kubectl", "--request-timeout=20s"}
	c.operator = append(kubectl, "--kubeconfig="+filepath.Join(out, "admin.kubeconfig"))
	c.kubelet = c.on(c.node, d.kubelet)
	c.authority = filepath.Join(dir, "authority.pem")
	decoded, err := base64.StdEncoding.DecodeString(c.configured(t, "{.clusters[0].cluster.certificate-authority-data}"))
	if err == nil {
		err = os.WriteFile(c.authority, decoded, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.master.start(t)
	frame.Eventually(t, 2*time.Minute, "the API of "+d.master, func(ctx context.Context) error {
		_, err := c.operator.try(ctx, "", "get", "--raw", "/readyz")
		return err
	})
	return c
}

// configured gives a value of the operator's kubeconfig.
func (c *controlPlane) configured(t *testing.T, path string) string {
	t.Helper()
	return c.operator.says(t, "config", "view", "--raw", "--output=jsonpath="+path)
}

// on gives kubectl on a machine that is not started.
func (c *controlPlane) on(m *machine, kubeconfig string) client {
	return client{"nsenter", "--net=" + m.network, "chroot", m.root, "kubectl", "--request-timeout=20s", "--kubeconfig=" + kubeconfig}
}

// bare gives kubectl that knows the API and its authority, with other credentials or none.
func (c *controlPlane) bare(t *testing.T, credentials ...string) client {
	kubectl := slices.Clone(c.operator[:len(c.operator)-1])
	return append(append(kubectl, "--kubeconfig=/dev/null", "--server="+c.configured(t, "{.clusters[0].cluster.server}"),
		"--certificate-authority="+c.authority), credentials...)
}

// client is the command of a kubectl that acts for somebody.
type client []string

func (c client) try(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, c[0], slices.Concat(c[1:], args)...)
	cmd.Stdin = strings.NewReader(stdin)
	// It would keep what it learns of the API below the home directory.
	cmd.Env = append(os.Environ(), "KUBECACHEDIR=/dev/null")
	return output(cmd)
}

// says gives what kubectl prints, and fails the test if it fails.
func (c client) says(t *testing.T, args ...string) string {
	t.Helper()
	return c.applies(t, "", args...)
}

// applies does so with a manifest as input.
func (c client) applies(t *testing.T, manifest string, args ...string) string {
	t.Helper()
	said, err := c.try(t.Context(), manifest, args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v", strings.Join(args, " "), err)
	}
	return said
}

// refused fails the test unless the API knows who asks, and says no.
func (c client) refused(t *testing.T, args ...string) {
	t.Helper()
	if said, err := c.try(t.Context(), "", args...); err == nil || !strings.Contains(err.Error(), "(Forbidden)") {
		t.Errorf("kubectl %s is not forbidden: %v %s", strings.Join(args, " "), err, withoutSecrets(said))
	}
}
