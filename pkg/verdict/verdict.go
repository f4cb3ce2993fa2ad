// Package verdict judges a Kubernetes cluster as those would who use it: by its API, with the administrator's own
// credentials, and from within pods of its own. It changes nothing but a namespace, which it makes and removes.
//
//	Access, Cluster ──▶ API ready ──▶ strangers ──▶ leaders, Nodes ──▶ a pod on each node ──▶ network, Services, DNS ──▶ Verdict
//
// Each thing that is asked is a Check. One that fails does not keep the others from being tried, but for those that can
// not be without it.
package verdict

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"

	"github.com/nodekiln/nodekiln/pkg/kube"
)

// Cluster is what a cluster is to be.
type Cluster struct {
	Version kube.Version
	// Nodes are the names of the machines that run pods.
	Nodes []string
	// Pods is the network that pods have their addresses in.
	Pods netip.Prefix
	// Service is the address of the API's own service, kubernetes.
	Service netip.Addr
	// DNS says that CoreDNS gives the services names in Domain.
	DNS    bool
	Domain string
	// Image is a busybox that every node has, since it is not pulled.
	Image string
}

// Access is how a cluster is reached.
type Access struct {
	// Kubeconfig is a file of the cluster's administrator, which holds its certificates and key in itself.
	Kubeconfig []byte
	// Masters are where each master's API server is reached, with none at the server of the kubeconfig alone.
	Masters []Endpoint
	// Etcd are the members of etcd that are to let nobody in without a certificate.
	Etcd []Endpoint
}

// String gives no part of the kubeconfig.
func (a Access) String() string { return fmt.Sprintf("access by way of %v", a.Masters) }

// GoString gives no part of the kubeconfig.
func (a Access) GoString() string { return a.String() }

// Endpoint is a server of a machine.
type Endpoint struct {
	Machine string
	// Address is HOST:PORT.
	Address string
}

// Options say how it is judged.
type Options struct {
	// PowerOn is when the cluster was switched on. The times of checks are told since then.
	PowerOn time.Time
	// Now is the clock by which that is told. It is required.
	Now func() time.Time
	// Notice gets a line about each check when it has ended; nil ignores it.
	Notice func(text string)
}

// Verdict is what was found.
type Verdict struct {
	// Checks in the order in which they were made.
	Checks []Check
	// Nodes are all that the API has.
	Nodes []Node
}

// Check is one thing that was asked of the cluster.
type Check struct {
	// Name is what has to be: "pod runs".
	Name string
	// Subject is what it was asked of: "node1".
	Subject string
	// After is the time from power-on to the end of the check, and Took what it took itself.
	After, Took time.Duration
	// Said is what came back, in a line.
	Said string
	// Err is nil for a check that has passed.
	Err error
	// Untried is why it was not tried at all, "" for one that was.
	Untried string
}

// Node is what the API has of a machine that runs pods.
type Node struct {
	Name string
	// Ready is True, False or Unknown, as the API has it, and Since the time from which it is, by the cluster's clocks.
	Ready string
	Since time.Time
	// Version of its kubelet: "v1.34.4".
	Version string
	Address string
}

// Err names the checks that have failed, and is nil if none has. One that was not tried follows from one that has failed.
func (v *Verdict) Err() error {
	var failed []string
	for _, c := range v.Checks {
		if c.Err != nil {
			failed = append(failed, fmt.Sprintf("%s (%s)", c.Name, c.Subject))
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d checks have failed: %s", len(failed), len(v.Checks), strings.Join(failed, ", "))
}

// Judge makes all checks. A check that waits for something waits for half of the time that is left until the context's
// deadline, so that the others are tried too. The error is that of an access that can not be used.
func Judge(ctx context.Context, a Access, want Cluster, o Options) (*Verdict, error) {
	if o.Now == nil {
		return nil, errors.New("judging needs a clock")
	}
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	apis, err := a.apis()
	if err != nil {
		return nil, err
	}
	// client-go tells its log of each connection that is cut, which the checks tell of themselves.
	klog.SetLogger(logr.Discard())
	j := &judge{want: want, opts: o}
	if err := j.all(ctx, apis, a.Etcd); err != nil {
		return nil, err
	}
	return &j.verdict, nil
}
