package build

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/nodekiln/nodekiln/pkg/lab"
	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/verdict"
)

// testImage is the name of the image that the pods are made of that judge a cluster, and what it is looked for by in a
// cluster whose profile wants none.
const (
	testImage          = "busybox"
	testImageReference = "nodekiln.dev/busybox:1"
)

// dns is the name of the addon, and of the image, that gives services names.
const dns = "coredns"

// Expected gives what the cluster is to be when its machines run, and false for one that Kubernetes does not run on or
// whose operator has no kubeconfig.
func (p *Project) Expected() (verdict.Cluster, bool) {
	k := p.Plan.Kubernetes
	if k == nil || !slices.ContainsFunc(p.Plan.PKI.Certificates, isAdmin) {
		return verdict.Cluster{}, false
	}
	want := verdict.Cluster{
		Version: k.Version, Pods: k.Pods, Service: k.ServiceAddress, Domain: k.Domain,
		Image: cmp.Or(p.Plan.Base.Images.Reference(testImage), testImageReference),
		// It is an addon, or kubeadm brings it, and its image is wanted then.
		DNS: slices.ContainsFunc(p.Plan.Addons, func(a plan.Addon) bool { return a.Name == dns }) || p.Plan.Base.Images.Reference(dns) != "",
	}
	for _, m := range p.Plan.WithRole("node") {
		want.Nodes = append(want.Nodes, m.Name)
	}
	return want, true
}

// LabAccess gives how a cluster is reached whose images are in the directory and run in a lab.
func (p *Project) LabAccess(dir string, results []lab.Result) (verdict.Access, error) {
	var out verdict.Access
	var err error
	name := filepath.Join(dir, KubeconfigName)
	if out.Kubeconfig, err = os.ReadFile(name); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return out, fmt.Errorf("%s is missing; run 'nodekiln build' again", name)
		}
		return out, fmt.Errorf("read how the operator reaches the cluster: %w", err)
	}
	for _, r := range results {
		if address, ok := r.Forwards["api"]; ok {
			out.Masters = append(out.Masters, verdict.Endpoint{Machine: r.Machine, Address: address})
		}
		// A deployment may be of an etcd that everybody may speak to.
		if address, ok := r.Forwards["etcd"]; ok && p.Plan.Settings["etcdScheme"] != "http" {
			out.Etcd = append(out.Etcd, verdict.Endpoint{Machine: r.Machine, Address: address})
		}
	}
	if len(out.Masters) == 0 {
		return out, errors.New("no machine of the lab forwards the port of its API server; have 'ports: {api: 6443}' in the masters' role of the profile")
	}
	return out, nil
}
