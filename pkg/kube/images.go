package kube

import "strings"

// ImageRepository is where the images of Kubernetes are unless somebody says otherwise: DefaultImageRepository in
// cmd/kubeadm/app/apis/kubeadm/v1beta3/defaults.go.
const ImageRepository = "registry.k8s.io"

// Image gives the reference of an image of Kubernetes in a repository. The default one has CoreDNS in a directory of its own
// since v1.8, when its tags began with a v; others have flat names (GetDNSImage in cmd/kubeadm/app/images/images.go).
func Image(repository, name, tag string) string {
	if name == "coredns" && repository == ImageRepository && strings.HasPrefix(tag, "v") {
		name = "coredns/coredns"
	}
	return repository + "/" + name + ":" + tag
}

// ImageTag gives the tag of an image that a release's kubeadm asks for, "" for one that it does not ask for.
func ImageTag(name string, v Version) string {
	switch name {
	case string(APIServer), string(ControllerManager), string(Scheduler), string(Proxy):
		return "v" + v.String()
	case "pause":
	default:
		return ""
	}
	// PauseVersion in cmd/kubeadm/app/constants/constants.go.
	for _, t := range []struct{ since, tag string }{
		{"1.36", "3.10.2"},
		{"1.34", "3.10.1"},
		{"1.31", "3.10"},
		{"1.26", "3.9"},
		{"1.25", "3.8"},
		{"1.24", "3.7"},
		{"1.23", "3.6"},
		{"1.22", "3.5"},
		{"1.21", "3.4.1"},
		{"1.18", "3.2"},
	} {
		if v.AtLeast(t.since) {
			return t.tag
		}
	}
	return "3.1"
}
