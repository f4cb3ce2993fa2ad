package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/hack/e2e/frame"
	"github.com/nodekiln/nodekiln/pkg/kube"
)

// missing skips a test for what is not there, and fails it where everything has to be.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("NODEKILN_CONFORMANCE") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// releases gives the directories of the releases that hack/kubernetes has built, below the directory that the
// environment variable NODEKILN_KUBERNETES names: VERSION/hyperkube. `make kubernetes` builds those that the tests need.
func releases(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv("NODEKILN_KUBERNETES")
	if dir == "" {
		missing(t, "set NODEKILN_KUBERNETES to a directory with VERSION/hyperkube (go run ./hack/kubernetes VERSION OUT)")
	}
	programs, err := filepath.Glob(filepath.Join(dir, "*", "hyperkube"))
	if err != nil || len(programs) == 0 {
		t.Fatalf("no VERSION/hyperkube below %s: %v", dir, err)
	}
	var found []string
	for _, p := range programs {
		found = append(found, filepath.Dir(p))
	}
	return found
}

var kubernetesComponents = []kube.Component{kube.APIServer, kube.ControllerManager, kube.Proxy, kube.Scheduler, kube.Kubelet}

// The tables of pkg/kube are what the real programs have, and the listings that its tests use are still those that the
// programs give.
func TestKubernetesFlags(t *testing.T) {
	for _, dir := range releases(t) {
		release := filepath.Base(dir)
		t.Run(release, func(t *testing.T) {
			v, err := kube.ParseVersion(release)
			if err != nil {
				t.Fatal(err)
			}
			var listing strings.Builder
			for _, c := range kubernetesComponents {
				if said := frame.Command(t, nil, filepath.Join(dir, "hyperkube"), string(c), "--version"); strings.TrimSpace(said) != "Kubernetes v"+release {
					t.Errorf("%s --version says %q", c, said)
				}
				flags := frame.Command(t, nil, filepath.Join(dir, "hyperkube"), "flags", string(c))
				listing.WriteString(flags)
				sameFlags(t, c, v, flags)
			}
			recorded, err := os.ReadFile("../../pkg/kube/testdata/flags-" + release + ".tsv")
			if err == nil && string(recorded) != listing.String() {
				t.Errorf("the listing differs from pkg/kube/testdata/flags-%s.tsv:\n%s", release, listing.String())
			}
		})
	}
}

// sameFlags holds the table against the listing of a component.
func sameFlags(t *testing.T, c kube.Component, v kube.Version, listing string) {
	t.Helper()
	var real []string
	for line := range strings.Lines(listing) {
		// The programs take underscores for hyphens.
		real = append(real, strings.ReplaceAll(strings.Split(line, "\t")[1], "_", "-"))
	}
	known := kube.Flags(c, v)
	for _, name := range real {
		if !slices.Contains(known, name) {
			t.Errorf("%s %s has --%s, the table has not", c, v, name)
		}
	}
	for _, name := range known {
		if !slices.Contains(real, name) {
			t.Errorf("the table has --%s, %s %s has not", name, c, v)
		}
	}
}

// The admission plugins that the table has are those that the API server's help lists.
func TestKubernetesAdmissionPlugins(t *testing.T) {
	for _, dir := range releases(t) {
		release := filepath.Base(dir)
		t.Run(release, func(t *testing.T) {
			v, err := kube.ParseVersion(release)
			if err != nil {
				t.Fatal(err)
			}
			help := frame.Command(t, nil, filepath.Join(dir, "hyperkube"), "kube-apiserver", "--help")
			_, list, ok := strings.Cut(help, "Comma-delimited list of admission plugins: ")
			if !ok {
				t.Fatalf("no list of the plugins in %s", help)
			}
			list, _, _ = strings.Cut(list, ". ")
			real := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
			slices.Sort(real)
			if known := kube.AdmissionPlugins(v); !slices.Equal(known, real) {
				t.Errorf("the table has %v\nthe program has %v", known, real)
			}
		})
	}
}

// Whatever pkg/kube writes, the release's own types read it, strictly.
func TestKubernetesConfigurations(t *testing.T) {
	for _, dir := range releases(t) {
		release := filepath.Base(dir)
		t.Run(release, func(t *testing.T) {
			v, err := kube.ParseVersion(release)
			if err != nil {
				t.Fatal(err)
			}
			for _, kind := range []string{"KubeletConfiguration", "KubeProxyConfiguration", "KubeSchedulerConfiguration"} {
				decodesAllFields(t, dir, kind, v)
			}
			for name, c := range usualConfigurations(v) {
				config, err := kube.Config(c.kind, v, c.fields)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				if said, err := checkConfiguration(dir, c.kind, config); err != nil {
					t.Errorf("%s: %v: %s\n%s", name, err, said, config)
				}
			}
			// The judge can say no.
			for text, want := range map[string]string{"foo: 1\n": `unknown field "foo"`, "healthzPort: 99999\n": "healthzPort"} {
				config := "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n" + text
				if said, err := checkConfiguration(dir, "KubeletConfiguration", []byte(config)); err == nil || !strings.Contains(said, want) {
					t.Errorf("%q is judged %v: %s; want an error with %q", text, err, said, want)
				}
			}
		})
	}
}

type configuration struct {
	kind   string
	fields []kube.Field
}

// usualConfigurations are such as deployments write.
func usualConfigurations(v kube.Version) map[string]configuration {
	var host []kube.Field
	if v.AtLeast("1.31") {
		// The validation asks the host that it runs on, and CI's may have the first version of control groups.
		host = append(host, kube.Field{Path: "failCgroupV1", Value: "false"})
	}
	return map[string]configuration{
		"kubelet": {"KubeletConfiguration", append(host, []kube.Field{
			{Path: "authentication.x509.clientCAFile", Value: "/etc/kubernetes/ca.pem"},
			{Path: "authentication.anonymous.enabled", Value: "false"},
			{Path: "authorization.mode", Value: "Webhook"},
			{Path: "cgroupDriver", Value: "systemd"},
			{Path: "clusterDNS", Value: "10.254.0.2"},
			{Path: "clusterDomain", Value: "cluster.local"},
			{Path: "containerRuntimeEndpoint", Value: "unix:///run/containerd/containerd.sock"},
			{Path: "evictionHard.memory.available", Value: "100Mi"},
			{Path: "failSwapOn", Value: "false"},
			{Path: "registerWithTaints", Value: "[{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}]"},
			{Path: "serializeImagePulls", Value: "false"},
			{Path: "syncFrequency", Value: "1m"},
			{Path: "tlsCertFile", Value: "/etc/kubernetes/kubelet.pem"},
			{Path: "tlsPrivateKeyFile", Value: "/etc/kubernetes/kubelet-key.pem"},
		}...)},
		"kube-proxy with iptables": {"KubeProxyConfiguration", []kube.Field{
			{Path: "bindAddress", Value: "0.0.0.0"},
			{Path: "clientConnection.kubeconfig", Value: "/etc/kubernetes/kube-proxy.kubeconfig"},
			{Path: "clusterCIDR", Value: "192.168.0.0/16"},
			{Path: "hostnameOverride", Value: "node1"},
			{Path: "mode", Value: "iptables"},
		}},
		"kube-proxy with IPVS": {"KubeProxyConfiguration", []kube.Field{
			{Path: "clientConnection.kubeconfig", Value: "/etc/kubernetes/kube-proxy.kubeconfig"},
			{Path: "clusterCIDR", Value: "192.168.0.0/16"},
			{Path: "ipvs.scheduler", Value: "rr"},
			{Path: "ipvs.strictARP", Value: "true"},
			{Path: "mode", Value: "ipvs"},
		}},
		"kube-scheduler": {"KubeSchedulerConfiguration", []kube.Field{
			{Path: "clientConnection.kubeconfig", Value: "/etc/kubernetes/kube-scheduler.kubeconfig"},
			{Path: "leaderElection.leaderElect", Value: "true"},
		}},
	}
}

// decodesAllFields decodes a configuration with every field of the table. Whether the values make sense together is not
// asked.
func decodesAllFields(t *testing.T, dir, kind string, v kube.Version) {
	t.Helper()
	values := map[string]string{"bool": "true", "int": "1", "float": "1.5", "duration": "1m0s", "list": "a,b", "map[string]": "a=b", "map[bool]": "AllBeta=true", "string": "a", "yaml": "null"}
	var fields []kube.Field
	for _, f := range kube.Fields(kind, v) {
		fields = append(fields, kube.Field{Path: f.Path, Value: values[f.Type]})
	}
	if len(fields) < 10 {
		t.Fatalf("%s has only %d fields", kind, len(fields))
	}
	config, err := kube.Config(kind, v, fields)
	if err != nil {
		t.Fatal(err)
	}
	if said, err := checkConfiguration(dir, kind, config); err != nil && !strings.HasPrefix(said, "validate a "+kind) {
		t.Errorf("%v: %s\n%s", err, said, config)
	}
}

// checkConfiguration gives the judgement of the release's own types.
func checkConfiguration(dir, kind string, config []byte) (string, error) {
	cmd := exec.Command(filepath.Join(dir, "hyperkube"), "config", kind)
	cmd.Stdin = bytes.NewReader(config)
	said, err := cmd.CombinedOutput()
	return string(said), err
}
