package kube

import (
	"fmt"
	"slices"
	"strings"
)

// Component is a program of a cluster. Its value is the program's name.
type Component string

// The components that have tables of flags.
const (
	APIServer         Component = "kube-apiserver"
	ControllerManager Component = "kube-controller-manager"
	Scheduler         Component = "kube-scheduler"
	Kubelet           Component = "kubelet"
	Proxy             Component = "kube-proxy"
	// Etcd and Flanneld have releases of their own, so all that takes a component and a version takes theirs: etcd
	// 2.3 to 3.6 and flannel 0.5 to 0.28.
	Etcd     Component = "etcd"
	Flanneld Component = "flanneld"
)

// Components are all components.
func Components() []Component {
	return []Component{APIServer, ControllerManager, Scheduler, Kubelet, Proxy, Etcd, Flanneld}
}

func (c Component) check() error {
	if slices.Contains(Components(), c) {
		return nil
	}
	var names []string
	for _, known := range Components() {
		names = append(names, string(known))
	}
	return fmt.Errorf("%q is no component: %s", string(c), strings.Join(names, ", "))
}

// releases are the minor versions of a component that flags.tsv covers.
func (c Component) releases() (oldest, newest Version) {
	switch c {
	case Etcd:
		return Version{Major: 2, Minor: 3}, Version{Major: 3, Minor: 6}
	case Flanneld:
		return Version{Major: 0, Minor: 5}, Version{Major: 0, Minor: 28}
	default:
		return Version{Major: 1, Minor: oldestMinor}, Version{Major: 1, Minor: newestMinor}
	}
}

// ParseComponentVersion reads the version of a component: for etcd and flanneld their own, otherwise a release of
// Kubernetes as ParseVersion takes it.
func ParseComponentVersion(c Component, s string) (Version, error) {
	if c != Etcd && c != Flanneld {
		return ParseVersion(s)
	}
	v, err := parseVersion(s)
	if err != nil {
		return Version{}, err
	}
	oldest, newest := c.releases()
	if !v.AtLeast(oldest.minor()) || (v.Major > newest.Major || v.Major == newest.Major && v.Minor > newest.Minor) {
		return Version{}, fmt.Errorf("%s %s is not known: use %s to %s", c, v, oldest.minor(), newest.minor())
	}
	return v, nil
}

// minor gives the minor version: "1.34".
func (v Version) minor() string {
	return fmt.Sprintf("%d.%d", v.Major, v.Minor)
}
