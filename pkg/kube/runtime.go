package kube

import "fmt"

// The container runtimes that a kubelet can be given.
const (
	Docker     = "docker"
	Containerd = "containerd"
	CRIO       = "cri-o"
)

// CheckRuntime says whether a release runs pods by a container runtime as it comes: by Docker through the kubelet's own
// dockershim, which is gone since 1.24 (CHANGELOG-1.24, urgent upgrade notes), or by one that speaks the container
// runtime interface.
//
// What the kubelet has to be told of containerd and CRI-O is --container-runtime=remote, until 1.26, and
// --container-runtime-endpoint, which a KubeletConfiguration can say since 1.27. Since 1.26 the kubelet speaks version v1
// of the interface only, which containerd has since 1.6 (CHANGELOG-1.26).
func CheckRuntime(name string, v Version) error {
	switch name {
	case Docker:
		if v.AtLeast("1.24") {
			return fmt.Errorf("docker runs no pods of Kubernetes %s: its dockershim went with 1.24; use containerd", v)
		}
	case Containerd:
		// cri-containerd 1.0.0-alpha was made for Kubernetes 1.7; the interface it is served by since 1.10, with the
		// plugin in containerd 1.1, is v1alpha2.
		if !v.AtLeast("1.7") {
			return fmt.Errorf("containerd runs no pods of Kubernetes %s: its container runtime interface needs 1.7; use docker", v)
		}
	case CRIO:
		// CRI-O's releases go with those of Kubernetes; 1.0 goes with 1.7.
		if !v.AtLeast("1.7") {
			return fmt.Errorf("cri-o runs no pods of Kubernetes %s: it needs 1.7; use docker", v)
		}
	default:
		return fmt.Errorf("%q is no container runtime: use docker, containerd or cri-o", name)
	}
	return nil
}
