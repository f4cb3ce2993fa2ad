package verdict

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// fewPods is up to how many pods each speaks to each other. More speak in a ring.
const fewPods = 4

// edge is a way from one pod to another.
type edge struct{ from, to *pod }

func (e edge) String() string { return e.from.String() + " to " + e.to.String() }

// edges gives the ways that are tried.
func edges(pods []*pod) (out []edge) {
	for i, from := range pods {
		for k, to := range pods {
			if i != k && (len(pods) <= fewPods || k == (i+1)%len(pods)) {
				out = append(out, edge{from, to})
			}
		}
	}
	return out
}

// judgePods runs a pod on each node, and lets the pods speak.
func (j *judge) judgePods(ctx context.Context) {
	if len(j.want.Nodes) == 0 {
		return
	}
	space := []name{namespace}
	if len(each(ctx, j, "namespace is made", space, settledLimit, j.makeNamespace)) == 0 {
		j.untried(checkPod, names(j.want.Nodes), "there is no namespace for it")
		return
	}
	pods := j.pods(names(j.want.Nodes))
	before := len(j.verdict.Checks)
	running := each(ctx, j, checkPod, pods, unlimited, j.runs)
	j.explain(ctx, pods, j.verdict.Checks[before:])

	j.untried("logs, exec and network", missing(pods, running), "the pod does not run")
	j.judgeNetwork(ctx, running)

	// It goes also when the time is over; who has interrupted the test does not wait for that.
	limit := cleanLimit
	if errors.Is(ctx.Err(), context.Canceled) {
		limit = requestLimit / 10
	}
	ctx = context.WithoutCancel(ctx)
	each(ctx, j, "namespace is removed", space, limit, j.removeNamespace)
}

// judgeNetwork lets running pods speak to each other, and to the API.
func (j *judge) judgeNetwork(ctx context.Context, pods []*pod) {
	each(ctx, j, "logs", pods, settledLimit, j.readsLogs)
	inside := each(ctx, j, "exec", pods, settledLimit, j.readsAccount)
	j.untried("network", missing(pods, inside), "no command can be run in the pod")

	ways := edges(inside)
	pinged := each(ctx, j, "ping", ways, settledLimit, j.pings)
	j.untried("HTTP", missing(ways, pinged), "ping has failed")
	fetched := each(ctx, j, "HTTP", pinged, settledLimit, j.fetches)
	j.untried("Service", missing(ways, fetched), "there is no way without the Service")
	each(ctx, j, "Service", fetched, settledLimit, j.fetchesByService)
	each(ctx, j, "API by its Service", inside, settledLimit, j.reachesAPI)
	j.judgeDNS(ctx, inside)
}

// missing gives the names of those that are not among others.
func missing[S interface {
	comparable
	fmt.Stringer
}](all, others []S) (out []name) {
	for _, s := range all {
		if !slices.Contains(others, s) {
			out = append(out, name(s.String()))
		}
	}
	return out
}

// behindExec is what to look at when the API server does not reach a kubelet.
func behindExec(err error, p *pod) error {
	return lookAt(err, "the journals of kube-apiserver, which calls the kubelet of %s by the name or address of the Node and verifies its certificate, and of that kubelet", p.node)
}

// readsLogs reads a pod's log by way of the API server and the kubelet.
func (j *judge) readsLogs(ctx context.Context, p *pod) (string, error) {
	said, err := j.api.logs(ctx, p.name)
	if err == nil && !strings.Contains(said, p.greeting()) {
		err = fmt.Errorf("the log of the pod %s/%s is %q, without %q", namespace, p.name, said, p.greeting())
	}
	if err != nil {
		return "", behindExec(err, p)
	}
	return oneLine(said), nil
}

// readsAccount runs a command in a pod by way of the API server and the kubelet.
func (j *judge) readsAccount(ctx context.Context, p *pod) (string, error) {
	ca, err := j.api.output(ctx, p, "cat", accountDir+"/ca.crt")
	if err != nil {
		return "", behindExec(err, p)
	}
	p.account.ca = ca
	return "the pod has the authority's certificate", nil
}

func (j *judge) pings(ctx context.Context, e edge) (string, error) {
	said, err := j.api.output(ctx, e.from, "ping", "-c", "3", "-w", "30", e.to.address.String())
	_, summary, _ := strings.Cut(said, " ping statistics ---\n")
	if err != nil {
		return "", overNetwork(fmt.Errorf("%w %s", err, oneLine(summary)), e)
	}
	return strings.Join(strings.FieldsFunc(summary, func(r rune) bool { return r == '\n' }), ", "), nil
}

// overNetwork says where packets between pods may have gone.
func overNetwork(err error, e edge) error {
	return lookAt(err, "'ip route' and the container network's program (flanneld) on %s and %s, and at what lets packets through between the machines", e.from.node, e.to.node)
}

// fetch gets the greeting of a pod from within another. The wget of Debian 12's static busybox crashes by its own -T.
func (j *judge) fetch(ctx context.Context, e edge, host string) error {
	said, err := j.api.output(ctx, e.from, "timeout", "20", "wget", "-q", "-O", "-", "http://"+host+"/")
	if err == nil && strings.TrimSpace(said) != e.to.greeting() {
		err = fmt.Errorf("http://%s/ answers the pod on %s by %q, not %q", host, e.from.node, said, e.to.greeting())
	}
	return err
}

func (j *judge) fetches(ctx context.Context, e edge) (string, error) {
	host := fmt.Sprintf("%s:%d", e.to.address, httpPort)
	if err := j.fetch(ctx, e, host); err != nil {
		return "", overNetwork(err, e)
	}
	return "http://" + host + "/ answers", nil
}

func (j *judge) fetchesByService(ctx context.Context, e edge) (string, error) {
	address, err := j.reachService(ctx, e.to)
	if err != nil {
		return "", err
	}
	if err := j.fetch(ctx, e, address.String()); err != nil {
		return "", lookAt(err, "the journal of kube-proxy on %s, and the EndpointSlices of %s/%s", e.from.node, namespace, e.to.service)
	}
	return "http://" + address.String() + "/ answers", nil
}

// judgeDNS waits for CoreDNS, and asks it from each pod for the name of a Service.
func (j *judge) judgeDNS(ctx context.Context, pods []*pod) {
	if !j.want.DNS {
		return
	}
	if len(each(ctx, j, "CoreDNS is available", []name{"coredns"}, unlimited, j.available)) == 0 {
		j.untried(checkDNS, missing(pods, nil), "CoreDNS is not available")
		return
	}
	each(ctx, j, checkDNS, pods, settledLimit, j.resolves)
}

// available looks at a Deployment of kube-system, and says of one that is not available what its pods say.
func (j *judge) available(ctx context.Context, deployment name) (string, error) {
	d := &appsv1.Deployment{}
	if err := j.api.get(ctx, d, "/apis/apps/v1/namespaces/kube-system/deployments/"+deployment.String()); err != nil {
		return "", lookAt(err, "the journal of the unit that applies the addons on the masters")
	}
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentAvailable && c.Status == corev1.ConditionTrue {
			return fmt.Sprintf("%d of %d pods", d.Status.AvailableReplicas, d.Status.Replicas), nil
		}
	}
	err := errors.New("the Deployment kube-system/" + deployment.String() + " is not available")
	pods := &corev1.PodList{}
	if j.api.get(ctx, pods, namespacesPath+"/kube-system/pods", "labelSelector=k8s-app=kube-dns") == nil {
		for i := range pods.Items {
			if state := notRunning(&pods.Items[i]); state != "" {
				err = fmt.Errorf("%w; pod %s on %q: %s", err, pods.Items[i].Name, pods.Items[i].Spec.NodeName, state)
			}
		}
	}
	return "", lookAt(err, "'kubectl --namespace kube-system describe pods --selector k8s-app=kube-dns'")
}

// resolves asks for the name of the pod's own Service.
func (j *judge) resolves(ctx context.Context, p *pod) (string, error) {
	address, err := j.reachService(ctx, p)
	if err != nil {
		return "", err
	}
	host := p.service + "." + namespace + ".svc." + j.want.Domain
	// busybox's program fails where there is no IPv6 address beside the other one.
	said, err := j.api.output(ctx, p, "nslookup", host)
	for line := range strings.Lines(said) {
		words := strings.Fields(line)
		if len(words) > 1 && strings.HasPrefix(words[0], "Address") && words[len(words)-1] == address.String() {
			return host + " is " + address.String(), nil
		}
	}
	return "", lookAt(fmt.Errorf("%s is not resolved to %s: %w %s", host, address, orNothing(err), oneLine(said)),
		"the logs of CoreDNS ('kubectl --namespace kube-system logs --selector k8s-app=kube-dns') and the journal of kube-proxy on %s", p.node)
}

// orNothing stands for an error that is not there.
func orNothing(err error) error {
	if err == nil {
		return errors.New("the answer was")
	}
	return err
}
