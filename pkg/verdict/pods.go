package verdict

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// namespace has all that is made, and is removed with it.
const namespace = "nodekiln-test"

const (
	namespacesPath = "/api/v1/namespaces"
	podsPath       = namespacesPath + "/" + namespace + "/pods"
	servicesPath   = namespacesPath + "/" + namespace + "/services"
	eventsPath     = namespacesPath + "/" + namespace + "/events"
)

const (
	// containerName is the only container of each pod, which serves HTTP on httpPort.
	containerName = "busybox"
	httpPort      = 8080
	// madeBy marks the namespace as one that may be removed.
	madeBy = "app.kubernetes.io/managed-by"
	// podLabel has the name of a pod's Service.
	podLabel = "nodekiln.dev/test"
	// accountDir is where each pod finds its service account.
	accountDir = "/var/run/secrets/kubernetes.io/serviceaccount"
)

// pod is one of the pods that are made.
type pod struct {
	// name of the pod, node that it is to run on, and service that leads to it alone.
	name, node, service string
	// address is that of the running pod, and virtual that of its Service.
	address, virtual netip.Addr
	// account is what was found in accountDir.
	account account
}

// String gives the node's name, or the pod's own where a node has two.
func (p *pod) String() string { return p.name }

// asked says what was run where.
func (p *pod) asked(command []string) string {
	return fmt.Sprintf("'%s' in the pod %s/%s on %s", strings.Join(command, " "), namespace, p.name, p.node)
}

// pods gives a pod for each node, and two where there is only one, since it takes two to talk.
func (j *judge) pods(nodes []name) []*pod {
	if len(nodes) == 1 {
		nodes = []name{nodes[0], nodes[0]}
	}
	var out []*pod
	for i, n := range nodes {
		p := &pod{name: n.String(), node: n.String(), service: "pod-" + strconv.Itoa(i)}
		if i > 0 && nodes[i-1] == n {
			p.name += "-second"
		}
		out = append(out, p)
	}
	return out
}

// makeNamespace makes the namespace, after removing what an interrupted test has left.
func (j *judge) makeNamespace(ctx context.Context, n name) (string, error) {
	found := &corev1.Namespace{}
	err := j.api.get(ctx, found, namespacesPath+"/"+n.String())
	switch {
	case err == nil && found.Labels[madeBy] != "nodekiln":
		return "", finalError{fmt.Errorf("there is a namespace %s that nodekiln has not made; remove it", n)}
	case err == nil:
		return "", errors.Join(errors.New("what an interrupted test has left is still being removed"), j.api.remove(ctx, namespacesPath+"/"+n.String()))
	case !apierrors.IsNotFound(err):
		return "", err
	}
	return "", j.api.ensure(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: n.String(), Labels: map[string]string{madeBy: "nodekiln", "pod-security.kubernetes.io/enforce": "baseline"},
	}}, namespacesPath, n.String())
}

// removeNamespace waits until the namespace is gone with all that is in it.
func (j *judge) removeNamespace(ctx context.Context, n name) (string, error) {
	if err := j.api.remove(ctx, namespacesPath+"/"+n.String()); err != nil {
		return "", err
	}
	err := j.api.get(ctx, &corev1.Namespace{}, namespacesPath+"/"+n.String())
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err == nil {
		err = lookAt(fmt.Errorf("the namespace %s is still there", n), "the journal of kube-controller-manager on the masters")
	}
	return "", err
}

// object gives what the API is asked to run. It says which node it is for as the scheduler reads it, and a node that is
// tainted, as masters are, takes it too.
func (p *pod) object(image string) *corev1.Pod {
	no, yes, grace := false, true, int64(1)
	serve := fmt.Sprintf("echo %s >/www/index.html && echo %s && exec httpd -f -p %d -h /www", p.greeting(), p.greeting(), httpPort)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: p.name, Labels: map[string]string{podLabel: p.service}},
		Spec: corev1.PodSpec{
			NodeSelector:                  map[string]string{corev1.LabelHostname: p.node},
			Tolerations:                   []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			TerminationGracePeriodSeconds: &grace,
			Containers: []corev1.Container{{
				Name: containerName, Image: image, ImagePullPolicy: corev1.PullNever, Command: []string{"sh", "-c", serve},
				VolumeMounts: []corev1.VolumeMount{{Name: "www", MountPath: "/www"}},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
					SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
				},
			}},
			Volumes: []corev1.Volume{{Name: "www", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
		},
	}
}

// greeting is what the pod writes to its log, and answers by HTTP.
func (p *pod) greeting() string { return "nodekiln-test-of-" + p.name }

// runs makes a pod, and looks whether it runs.
func (j *judge) runs(ctx context.Context, p *pod) (string, error) {
	got := p.object(j.want.Image)
	if err := j.api.ensure(ctx, got, podsPath, p.name); err != nil {
		return "", err
	}
	if state := notRunning(got); state != "" {
		return "", errors.New(state)
	}
	address, err := netip.ParseAddr(got.Status.PodIP)
	if err != nil || !j.want.Pods.Contains(address) {
		return "", lookAt(fmt.Errorf("its address %q is none of the pods' network %s", got.Status.PodIP, j.want.Pods),
			"the container network's configuration in /etc/cni/net.d on %s", p.node)
	}
	p.address = address
	return p.address.String(), nil
}

// notRunning says why a pod does not run, and "" for one that does.
func notRunning(p *corev1.Pod) string {
	if len(p.Status.ContainerStatuses) > 0 && !slices.ContainsFunc(p.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return !c.Ready }) {
		return ""
	}
	said := []string{"it is " + string(p.Status.Phase)}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status != corev1.ConditionTrue {
			said = append(said, oneLine(c.Reason+": "+c.Message))
		}
	}
	for _, c := range p.Status.ContainerStatuses {
		if w := c.State.Waiting; w != nil {
			said = append(said, oneLine(w.Reason+": "+w.Message))
		}
		if t := c.State.Terminated; t != nil {
			said = append(said, fmt.Sprintf("its container has ended with %d: %s", t.ExitCode, oneLine(t.Reason+" "+t.Message)))
		}
	}
	return strings.Join(said, ", ")
}

// explain adds to the failures of pods what their nodes have complained of last.
func (j *judge) explain(ctx context.Context, pods []*pod, checks []Check) {
	for i, c := range checks {
		at := slices.IndexFunc(pods, func(p *pod) bool { return p.String() == c.Subject })
		if c.Err == nil || at < 0 {
			continue
		}
		err := c.Err
		list := &corev1.EventList{}
		if j.api.get(ctx, list, eventsPath, "fieldSelector=involvedObject.name="+pods[at].name) == nil {
			slices.SortFunc(list.Items, func(a, b corev1.Event) int { return b.LastTimestamp.Compare(a.LastTimestamp.Time) })
			warning := slices.IndexFunc(list.Items, func(e corev1.Event) bool { return e.Type == corev1.EventTypeWarning })
			if warning >= 0 && !strings.Contains(err.Error(), oneLine(list.Items[warning].Message)) {
				err = fmt.Errorf("%w: %s", err, oneLine(list.Items[warning].Message))
			}
		}
		checks[i].Err = lookAt(err, "the journals of kubelet and of the container runtime on %s", pods[at].node)
	}
}

// serviceObject is a Service that leads to one pod.
func (p *pod) serviceObject() *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: p.service},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{podLabel: p.service},
			Ports:    []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(httpPort)}},
		},
	}
}

// reachService makes the Service of a pod, and gives its address.
func (j *judge) reachService(ctx context.Context, p *pod) (netip.Addr, error) {
	if p.virtual.IsValid() {
		return p.virtual, nil
	}
	got := p.serviceObject()
	if err := j.api.ensure(ctx, got, servicesPath, p.service); err != nil {
		return netip.Addr{}, err
	}
	var err error
	if p.virtual, err = netip.ParseAddr(got.Spec.ClusterIP); err != nil {
		return netip.Addr{}, fmt.Errorf("the Service %s/%s has no address: %w", namespace, p.service, err)
	}
	return p.virtual, nil
}
