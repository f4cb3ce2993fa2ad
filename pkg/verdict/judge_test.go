package verdict

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nodekiln/nodekiln/pkg/kube"
)

// wanted is a cluster of two machines that run pods.
func wanted() Cluster {
	return Cluster{
		Version: kube.Version{Major: 1, Minor: 34, Patch: 4}, Nodes: []string{"node1", "node2"}, Pods: netip.MustParsePrefix("10.8.0.0/16"),
		Service: netip.MustParseAddr("10.9.0.1"), DNS: true, Domain: "cluster.local", Image: "busybox:1",
	}
}

// found gives the check of that name and subject.
func found(t *testing.T, v *Verdict, check, subject string) Check {
	t.Helper()
	i := slices.IndexFunc(v.Checks, func(c Check) bool { return c.Name == check && c.Subject == subject })
	if i < 0 {
		t.Fatalf("there is no check %q of %q: %+v", check, subject, v.Checks)
	}
	return v.Checks[i]
}

// TestJudge judges a control plane without machines, one of whose Nodes says that it is ready.
func TestJudge(t *testing.T) {
	c := startControlPlane(t)
	admin := c.admin(t)
	eventually(t, "a Node", func(ctx context.Context) error {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node1"}}
		node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
		node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "10.1.10.102"}}
		return admin.ensure(ctx, node, nodesPath, "node1")
	})
	access := Access{
		Kubeconfig: c.kubeconfig,
		Masters:    []Endpoint{{Machine: "master", Address: c.api}},
		Etcd:       []Endpoint{{Machine: "master", Address: c.etcd}},
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience/2)
	defer cancel()
	var notices []string
	start := time.Now()
	v, err := Judge(ctx, access, wanted(), Options{PowerOn: start, Now: time.Now, Notice: func(s string) { notices = append(notices, s) }})
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := v.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", table.String())
	for _, want := range []struct{ check, subject, said string }{
		{checkAPI, "master", "/readyz is ok"},
		{"leader is elected", "kube-controller-manager", "holds the lease"},
		{"leader is elected", "kube-scheduler", "holds the lease"},
		{checkNode, "node1", "at 10.1.10.102"},
		{"namespace is made", "nodekiln-test", ""},
		{"namespace is removed", "nodekiln-test", ""},
		{"no certificate is refused", "the API of master", "403 Forbidden"},
		{"no certificate is refused", "etcd of master", "TLS handshake"},
		{"foreign certificate is refused", "the API of master", "401 Unauthorized"},
		{"foreign certificate is refused", "etcd of master", "TLS handshake"},
	} {
		if got := found(t, v, want.check, want.subject); got.result() != "ok" || !strings.Contains(got.Said, want.said) {
			t.Errorf("%s: %s: %s: %s", want.check, want.subject, got.result(), got.text())
		}
	}
	for _, want := range []struct{ check, subject, err string }{
		{checkNode, "node2", "its kubelet has not registered it; look at the journals of kubelet"},
		{checkPod, "node1", "it is Pending, Unschedulable: 0/1 nodes are available"},
		{checkPod, "node2", "it is Pending, Unschedulable"},
	} {
		if got := found(t, v, want.check, want.subject); got.Err == nil || !strings.Contains(got.Err.Error(), want.err) {
			t.Errorf("%s: %s: %s: %s", want.check, want.subject, got.result(), got.text())
		}
	}
	if got := found(t, v, "logs, exec and network", "node1"); got.Untried == "" {
		t.Errorf("without a pod: %+v", got)
	}
	if len(notices) != len(v.Checks) {
		t.Errorf("%d notices of %d checks", len(notices), len(v.Checks))
	}
	if err := v.Err(); err == nil || !strings.Contains(err.Error(), "pod runs (node2)") {
		t.Errorf("the verdict: %v", err)
	}

	t.Run("strangers who are let in", func(t *testing.T) { c.strangersLetIn(t, admin) })
	t.Run("a namespace of the user's", func(t *testing.T) { keepsForeignNamespace(t, admin) })
	t.Run("credentials of another cluster", c.foreignCredentials)
}

// strangersLetIn lets everybody see the nodes, and has an etcd that asks for no certificate.
func (c *controlPlane) strangersLetIn(t *testing.T, admin *api) {
	body := `{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "everybody"},
		"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:node"},
		"subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:anonymous"}]}`
	if err := admin.client.Post().AbsPath("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings").Body([]byte(body)).
		SetHeader("Content-Type", "application/json").Do(t.Context()).Error(); err != nil {
		t.Fatal(err)
	}
	open := freeAddress(t)
	run(t, program(t, "etcd"), "--data-dir="+c.file("open"), "--listen-client-urls=https://"+open, "--advertise-client-urls=https://"+open,
		"--listen-peer-urls=http://"+freeAddress(t), "--cert-file="+c.file("server.crt"), "--key-file="+c.file("server.key"))
	foreign, err := foreignIdentity(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	j := newJudge()
	if err := j.strangers(ctx, []*api{admin}, []Endpoint{{Machine: "master", Address: open}, {Machine: "nobody", Address: freeAddress(t)}}, foreign); err != nil {
		t.Fatal(err)
	}
	for subject, want := range map[string]string{
		"the API of 127.0.0.1": "answered to a stranger", "etcd of master": "answered to a stranger", "etcd of nobody": "no refusal came",
	} {
		if got := found(t, &j.verdict, "no certificate is refused", subject); got.Err == nil || !strings.Contains(got.Err.Error(), want) {
			t.Errorf("%s: %v", subject, got.Err)
		}
	}
}

func newJudge() *judge {
	return &judge{want: wanted(), opts: Options{Now: time.Now, PowerOn: time.Now(), Notice: func(string) {}}}
}

func keepsForeignNamespace(t *testing.T, admin *api) {
	mine := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if err := admin.ensure(t.Context(), mine, namespacesPath, namespace); err != nil {
		t.Fatal(err)
	}
	j := newJudge()
	j.api = admin
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	j.judgePods(ctx)
	if got := found(t, &j.verdict, "namespace is made", namespace); got.Err == nil || !strings.Contains(got.Err.Error(), "nodekiln has not made") {
		t.Errorf("a namespace of somebody else: %+v", got)
	}
	if err := admin.get(t.Context(), &corev1.Namespace{}, namespacesPath+"/"+namespace); err != nil {
		t.Errorf("it is touched: %v", err)
	}
}

func (c *controlPlane) foreignCredentials(t *testing.T) {
	other := newSigner(t, t.TempDir(), "ca")
	other.sign(t, "admin", c.authority.cert.Subject)
	stranger := &controlPlane{dir: other.dir}
	config := kube.Kubeconfig(kube.Access{
		Cluster: "other", Server: "https://" + c.api, User: "admin",
		Authority: c.read(t, "ca.crt"), Certificate: stranger.read(t, "admin.crt"), Key: stranger.read(t, "admin.key"),
	})
	apis, err := Access{Kubeconfig: config}.apis()
	if err != nil {
		t.Fatal(err)
	}
	_, err = apis[0].raw(t.Context(), "/api")
	if !apierrors.IsUnauthorized(err) || !strings.Contains(err.Error(), "GET /api of 127.0.0.1 ("+c.api+")") {
		t.Errorf("got %v", err)
	}
	if said := err.Error(); strings.Contains(said, "PRIVATE") || strings.Contains(said, "CERTIFICATE") {
		t.Errorf("it tells of keys: %s", said)
	}
}

func TestJudgeNeedsAClock(t *testing.T) {
	if _, err := Judge(t.Context(), Access{}, Cluster{}, Options{}); err == nil {
		t.Error("a verdict without a clock")
	}
	if _, err := Judge(t.Context(), Access{Kubeconfig: []byte("{")}, Cluster{}, Options{Now: time.Now}); err == nil {
		t.Error("a verdict by way of a broken kubeconfig")
	}
}

// A rack takes longer than a lab, whose limits are the constants.
func TestLimitGrowsWithTheCluster(t *testing.T) {
	for subjects, want := range map[int]time.Duration{0: settledLimit, 12: settledLimit, 40: settledLimit + 28*turnLimit} {
		if got := forAll(settledLimit, subjects); got != want {
			t.Errorf("%d subjects: %v, not %v", subjects, got, want)
		}
	}
	if got := forAll(unlimited, 40); got != unlimited {
		t.Errorf("without a limit: %v", got)
	}
}

// TestEach has one subject that passes later, one that never does, and one that the test is interrupted at.
func TestEach(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	j := newJudge()
	tries := map[name]int{}
	passed := each(ctx, j, "check", []name{"soon", "never", "first"}, unlimited, func(_ context.Context, n name) (string, error) {
		tries[n]++
		switch {
		case n == "first" || n == "soon" && tries[n] == 2:
			return "it said", nil
		case n == "never" && tries[n] == 2:
			cancel()
			return "", errors.New("interrupted")
		}
		return "", errors.New("not yet")
	})
	if !slices.Equal(passed, []name{"soon", "first"}) {
		t.Errorf("passed: %v", passed)
	}
	if got := found(t, &j.verdict, "check", "never"); got.Err == nil || got.Err.Error() != "not yet" {
		t.Errorf("what it failed with before is told: %v", got.Err)
	}
	if got := found(t, &j.verdict, "check", "soon"); got.Err != nil || got.Said != "it said" {
		t.Errorf("soon: %+v", got)
	}
	if passed := each(ctx, j, "later", []name{"a"}, unlimited, func(context.Context, name) (string, error) { return "", nil }); len(passed) > 0 {
		t.Error("something passes after the end")
	}
}
