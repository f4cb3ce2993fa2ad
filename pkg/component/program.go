package component

import (
	"io/fs"
	"path"

	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

// Where programs are on a machine, below its root. /opt/cni/bin is where the CNI's own documentation has its plugins, and
// where containerd and the kubelet look for them.
const (
	binDir = "usr/bin"
	cniDir = "opt/cni/bin"
)

// program is a program of a component.
type program struct {
	component, dir, name string
	// archived is the name that it has in the component's archives, where that is another one.
	archived string
}

func programs() []program {
	var all []program
	for _, name := range []string{
		"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl", "kubeadm",
	} {
		all = append(all, program{component: profile.ComponentKubernetes, dir: binDir, name: name})
	}
	for _, name := range []string{"etcd", "etcdctl"} {
		all = append(all, program{component: profile.ComponentEtcd, dir: binDir, name: name})
	}
	all = append(all, program{component: profile.ComponentCoreDNS, dir: binDir, name: "coredns"})
	all = append(all, program{component: profile.ComponentFlannel, dir: binDir, name: "flanneld"})
	for _, name := range []string{"bridge", "host-local", "loopback", "portmap"} {
		all = append(all, program{component: profile.ComponentCNIPlugins, dir: cniDir, name: name})
	}
	// Its archives are those of github.com/flannel-io/cni-plugin, and name the architecture.
	return append(all, program{component: profile.ComponentCNIPlugins, dir: cniDir, name: "flannel", archived: "flannel-amd64"})
}

func programsOf(component string) []program {
	var out []program
	for _, p := range programs() {
		if p.component == component {
			out = append(out, p)
		}
	}
	return out
}

// Lacking names the programs that machines are to have from their packages, and that their root filesystem does not have;
// none where the components come from elsewhere.
func Lacking(root fs.FS, c plan.Components) []string {
	if c.Source != profile.SourcePackages {
		return nil
	}
	var names []string
	for _, w := range c.Wanted {
		for _, p := range programsOf(w.Name) {
			if _, err := fs.Stat(root, path.Join(p.dir, p.name)); err != nil && !w.ImagesOnly {
				names = append(names, p.name)
			}
		}
	}
	return names
}
