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

// release is one of Kubernetes: its version, and all of its programs in one, which its first argument or its own name
// chooses among.
type release struct{ version, program string }

// releases gives those whose own programs are the judges: the environment variable NODEKILN_RELEASES lists their versions
// ("1.29.5 1.34.4"), and NODEKILN_KUBERNETES names the directory that has VERSION/hyperkube, as `make kubernetes` builds it.
func releases(t *testing.T) []release {
	t.Helper()
	dir, wanted := os.Getenv("NODEKILN_KUBERNETES"), strings.Fields(os.Getenv("NODEKILN_RELEASES"))
	if dir == "" || len(wanted) == 0 {
		missing(t, "set NODEKILN_RELEASES to versions of Kubernetes, and NODEKILN_KUBERNETES to a directory with VERSION/hyperkube of each (go run ./hack/kubernetes VERSION OUT)")
	}
	var found []release
	for _, version := range wanted {
		program := filepath.Join(dir, version, "hyperkube")
		if _, err := os.Stat(program); err != nil {
			t.Fatalf("%v: go run ./hack/kubernetes %s %s", err, version, program)
		}
		found = append(found, release{version, program})
	}
	return found
}

var kubernetesComponents = []kube.Component{kube.APIServer, kube.ControllerManager, kube.Proxy, kube.Scheduler, kube.Kubelet}

// The tables of pkg/kube are what the real programs have, and the listings that its tests use are still those that the
// programs give.
func TestKubernetesFlags(t *testing.T) {
	for _, r := range releases(t) {
		t.Run(r.version, func(t *testing.T) {
			v, err := kube.ParseVersion(r.version)
			if err != nil {
				t.Fatal(err)
			}
			var listing strings.Builder
			for _, c := range kubernetesComponents {
				if said := frame.Command(t, nil, r.program, string(c), "--version"); strings.TrimSpace(said) != "Kubernetes v"+r.version {
					t.Errorf("%s --version says %q", c, said)
				}
				flags := frame.Command(t, nil, r.program, "flags", string(c))
				listing.WriteString(flags)
				sameFlags(t, c, v, flags)
			}
			recorded, err := os.ReadFile("../../pkg/kube/testdata/flags-" + r.version + ".tsv")
			if err == nil && string(recorded) != listing.String() {
				t.Errorf("the listing differs from pkg/kube/testdata/flags-%s.tsv:\n%s", r.version, listing.String())
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
		// A library of the kubelet's defines it for the whole process, which in hyperkube is that of all components.
		if name == "azure-container-registry-config" && c != kube.Kubelet && !v.AtLeast("1.30") {
			continue
		}
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
	for _, r := range releases(t) {
		t.Run(r.version, func(t *testing.T) {
			v, err := kube.ParseVersion(r.version)
			if err != nil {
				t.Fatal(err)
			}
			help := frame.Command(t, nil, r.program, "kube-apiserver", "--help")
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
	for _, r := range releases(t) {
		t.Run(r.version, func(t *testing.T) {
			v, err := kube.ParseVersion(r.version)
			if err != nil {
				t.Fatal(err)
			}
			for _, kind := range []string{"KubeletConfiguration", "KubeProxyConfiguration", "KubeSchedulerConfiguration"} {
				decodesAllFields(t, r.program, kind, v)
			}
			for name, c := range usualConfigurations(v) {
				config, err := kube.Config(c.kind, v, c.fields)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				if said, err := checkConfiguration(r.program, c.kind, config); err != nil {
					t.Errorf("%s: %v: %s\n%s", name, err, said, config)
				}
			}
			// The judge can say no.
			for text, want := range map[string]string{"foo: 1\n": `unknown field "foo"`, "healthzPort: 99999\n": "healthzPort"} {
				config := "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n" + text
				if said, err := checkConfiguration(r.program, "KubeletConfiguration", []byte(config)); err == nil || !strings.Contains(said, want) {
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
func decodesAllFields(t *testing.T, program, kind string, v kube.Version) {
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
	if said, err := checkConfiguration(program, kind, config); err != nil && !strings.HasPrefix(said, "validate a "+kind) {
		t.Errorf("%v: %s\n%s", err, said, config)
	}
}

// checkConfiguration gives the judgement of the release's own types.
func checkConfiguration(program, kind string, config []byte) (string, error) {
	cmd := exec.Command(program, "config", kind)
	cmd.Stdin = bytes.NewReader(config)
	said, err := cmd.CombinedOutput()
	return string(said), err
}
