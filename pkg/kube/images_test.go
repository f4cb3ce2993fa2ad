package kube

import "testing"

func TestImage(t *testing.T) {
	for want, i := range map[string][3]string{
		"registry.k8s.io/pause:3.10.1":            {ImageRepository, "pause", "3.10.1"},
		"registry.k8s.io/coredns/coredns:v1.12.1": {ImageRepository, "coredns", "v1.12.1"},
		"registry.k8s.io/coredns:1.6.7":           {ImageRepository, "coredns", "1.6.7"},
		"mirror.example.com/k8s/coredns:v1.12.1":  {"mirror.example.com/k8s", "coredns", "v1.12.1"},
	} {
		if got := Image(i[0], i[1], i[2]); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestImageTag(t *testing.T) {
	for version, want := range map[string]string{"1.15.0": "3.1", "1.18.2": "3.2", "1.23.0": "3.6", "1.30.1": "3.9", "1.34.4": "3.10.1", "1.36.0": "3.10.2"} {
		v, err := ParseVersion(version)
		if err != nil {
			t.Fatal(err)
		}
		if got := ImageTag("pause", v); got != want {
			t.Errorf("%s: got %s, want %s", version, got, want)
		}
	}
	if got := ImageTag("kube-proxy", Version{Major: 1, Minor: 34, Patch: 4}); got != "v1.34.4" {
		t.Errorf("got %s", got)
	}
	if got := ImageTag("nginx", Version{Minor: 30}); got != "" {
		t.Errorf("got %s", got)
	}
}
