package verdict

import (
	"context"
	"errors"
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const nodesPath = "/api/v1/nodes"

// apiReady asks an API server for its own health, which includes that of etcd: /readyz is new in 1.16.
func (j *judge) apiReady(ctx context.Context, a *api) (string, error) {
	path := "/healthz"
	if j.want.Version.AtLeast("1.16") {
		path = "/readyz"
	}
	said, err := a.raw(ctx, path)
	if err != nil {
		return "", lookAt(err, "the journals of kube-apiserver and etcd on %s", a.Machine)
	}
	return path + " is " + oneLine(said), nil
}

// leader gives a look at who leads by a lease: the controller manager and the scheduler renew theirs every two seconds.
// What counts is that it changes, since clocks may differ.
func (j *judge) leader() func(ctx context.Context, component name) (string, error) {
	seen := map[name]metav1.MicroTime{}
	return func(ctx context.Context, component name) (string, error) {
		if !j.want.Version.AtLeast("1.20") {
			// It leads by a note on an Endpoints object.
			return j.healthyComponent(ctx, component)
		}
		lease := &coordinationv1.Lease{}
		err := j.api.get(ctx, lease, "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/"+component.String())
		if err == nil && (lease.Spec.RenewTime == nil || lease.Spec.HolderIdentity == nil) {
			err = fmt.Errorf("nobody holds the lease %s in kube-system", component)
		}
		if err != nil {
			return "", lookAt(err, "the journal of %s on the masters", component)
		}
		first, again := seen[component]
		if !again {
			seen[component] = *lease.Spec.RenewTime
		}
		if !again || lease.Spec.RenewTime.Equal(&first) {
			return "", lookAt(fmt.Errorf("%s has not renewed the lease %s in kube-system since %s", *lease.Spec.HolderIdentity, component,
				lease.Spec.RenewTime.UTC().Format("15:04:05")), "the journal of %s on the masters", component)
		}
		return *lease.Spec.HolderIdentity + " holds the lease", nil
	}
}

// healthyComponent asks the API what it knows of a component's health, which works where the component is on the same
// machine.
func (j *judge) healthyComponent(ctx context.Context, component name) (string, error) {
	status := &corev1.ComponentStatus{}
	short := map[name]string{"kube-controller-manager": "controller-manager", "kube-scheduler": "scheduler"}[component]
	if err := j.api.get(ctx, status, "/api/v1/componentstatuses/"+short); err != nil {
		return "", err
	}
	for _, c := range status.Conditions {
		if c.Type == corev1.ComponentHealthy && c.Status == corev1.ConditionTrue {
			return oneLine(c.Message), nil
		}
	}
	return "", lookAt(fmt.Errorf("the API calls %s not healthy", component), "the journal of %s on the masters", component)
}

// judgeNodes waits until each machine that is to run pods is a Node that is ready.
func (j *judge) judgeNodes(ctx context.Context) {
	each(ctx, j, checkNode, names(j.want.Nodes), unlimited, func(ctx context.Context, n name) (string, error) {
		node := &corev1.Node{}
		err := j.api.get(ctx, node, nodesPath+"/"+n.String())
		if apierrors.IsNotFound(err) {
			err = errors.New("its kubelet has not registered it")
		}
		if err == nil {
			got := newNode(node)
			if got.Ready == string(corev1.ConditionTrue) {
				return "kubelet " + got.Version + " at " + got.Address, nil
			}
			err = fmt.Errorf("its Ready is %s: %s", got.Ready, oneLine(readiness(node).Message))
		}
		return "", lookAt(err, "the journals of kubelet and of the container runtime on %s", n)
	})
	list := &corev1.NodeList{}
	if err := j.api.get(ctx, list, nodesPath); err != nil {
		return
	}
	for i := range list.Items {
		j.verdict.Nodes = append(j.verdict.Nodes, newNode(&list.Items[i]))
	}
}

func names(all []string) (out []name) {
	for _, n := range all {
		out = append(out, name(n))
	}
	return out
}

// readiness gives the condition by which a Node is ready or not.
func readiness(n *corev1.Node) corev1.NodeCondition {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c
		}
	}
	return corev1.NodeCondition{Status: corev1.ConditionUnknown, Message: "its kubelet has not said"}
}

func newNode(n *corev1.Node) Node {
	ready := readiness(n)
	out := Node{Name: n.Name, Ready: string(ready.Status), Since: ready.LastTransitionTime.Time, Version: n.Status.NodeInfo.KubeletVersion}
	for _, a := range n.Status.Addresses {
		if a.Type == corev1.NodeInternalIP && out.Address == "" {
			out.Address = a.Address
		}
	}
	return out
}
