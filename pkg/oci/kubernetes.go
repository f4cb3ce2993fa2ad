package oci

import (
	"fmt"
	"io/fs"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/nodekiln/nodekiln/pkg/profile"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// controlPlane are the recipes of what kubeadm runs in containers, and of flannel.
func controlPlane(env []string) map[string]recipe {
	own := func(name string, more ...layer) recipe {
		return recipe{
			layers: append([]layer{kubernetes(name)}, more...), config: v1.Config{Env: env, Entrypoint: []string{name}, WorkingDir: "/"},
			component: profile.ComponentKubernetes,
		}
	}
	return map[string]recipe{
		"kube-apiserver":          own("kube-apiserver"),
		"kube-controller-manager": own("kube-controller-manager"),
		"kube-scheduler":          own("kube-scheduler"),
		"kube-proxy":              own("kube-proxy", netfilter()),
		"etcd": {
			layers:    []layer{{ofComponent("usr/bin/etcd", "usr/local/bin/etcd"), ofComponent("usr/bin/etcdctl", "usr/local/bin/etcdctl")}},
			config:    v1.Config{Env: env, Entrypoint: []string{"etcd"}, WorkingDir: "/"},
			component: profile.ComponentEtcd,
		},
		"flannel": {
			layers: []layer{{
				trusted(), ofComponent("usr/bin/flanneld", "opt/bin/flanneld"),
				// By cp its DaemonSet puts the network's configuration in place; somebody looks around with the others.
				ofRoot("bin/busybox", "bin/busybox"), links("busybox", "bin", []string{"cat", "cp", "ip", "ls", "sh"}),
			}, netfilter()},
			config:    v1.Config{Env: env, Entrypoint: []string{"/opt/bin/flanneld"}, WorkingDir: "/"},
			component: profile.ComponentFlannel,
		},
	}
}

// programDir is where Kubernetes' own images have their programs: kubeadm calls the service proxy by its whole path, and
// the others by their names.
const programDir = "usr/local/bin"

// kubernetes is the layer of one of Kubernetes' own programs. Where one file is all of them by its links, the layer has all
// of these, so that it is the same in every image, and a runtime unpacks it once.
func kubernetes(name string) layer {
	return layer{trusted(), func(from pantry, t *tree.Tree) error {
		n, ok := from.programs.Get(path.Join("usr/bin", name))
		if !ok {
			return fmt.Errorf("/usr/bin/%s: %w", name, fs.ErrNotExist)
		}
		if n.Mode.Type() != fs.ModeSymlink {
			return ofComponent(n.Path, path.Join(programDir, name))(from, t)
		}
		all := []string{"kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler"}
		for _, put := range []ingredient{
			ofComponent(path.Join("usr/bin", n.Target), path.Join(programDir, n.Target)), links(n.Target, programDir, all),
		} {
			if err := put(from, t); err != nil {
				return err
			}
		}
		return nil
	}}
}

// netfilter is the layer of those who write the kernel's rules for packets: the base's iptables with its extensions, by
// its interface to nf_tables, and what modes of the service proxy need beside it.
func netfilter() layer {
	const dir, program = "usr/sbin", "xtables-nft-multi"
	return layer{
		linked(path.Join(dir, program)),
		links(program, dir, []string{"iptables", "iptables-restore", "iptables-save", "ip6tables", "ip6tables-restore", "ip6tables-save"}),
		linkedDir(path.Join(libraryDirs()[0], "xtables")),
		linkedIfThere(path.Join(dir, "conntrack"), path.Join(dir, "ipset"), path.Join(dir, "nft")),
	}
}
