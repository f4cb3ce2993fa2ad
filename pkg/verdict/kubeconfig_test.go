package verdict

import (
	"testing"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/nodekiln/nodekiln/pkg/kube"
)

func TestRedirect(t *testing.T) {
	before := kube.Kubeconfig(kube.Access{
		Cluster: "lab", Server: "https://10.1.10.101:6443", User: "admin",
		Authority: []byte("authority"), Certificate: []byte("certificate"), Key: []byte("key"),
	})
	after, err := Redirect(before, "https://127.0.0.1:40443")
	if err != nil {
		t.Fatal(err)
	}
	got, err := clientcmd.RESTConfigFromKubeConfig(after)
	if err != nil {
		t.Fatal(err)
	}
	if got.Host != "https://127.0.0.1:40443" || string(got.CAData) != "authority" || string(got.CertData) != "certificate" || string(got.KeyData) != "key" {
		t.Errorf("to %s, by %q", got.Host, got.CAData)
	}
	for _, bad := range []string{"", "{", "apiVersion: v1\nkind: Config\n"} {
		if _, err := Redirect([]byte(bad), "https://a"); err == nil {
			t.Errorf("%q has a server", bad)
		}
	}
}
