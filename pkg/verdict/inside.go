package verdict

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
)

// account is what a pod is known by. It prints nothing.
type account struct{ ca, token string }

func (account) String() string   { return "a service account" }
func (account) GoString() string { return "a service account" }

// reachesAPI asks the API from within a pod as its programs do: at the address of the API's Service, by TLS that trusts
// the authority that the pod was given, and as the pod's service account. What speaks TLS is here, and what it writes
// goes out of the pod, since busybox verifies no certificate.
func (j *judge) reachesAPI(ctx context.Context, p *pod) (string, error) {
	token, err := j.api.output(ctx, p, "cat", accountDir+"/token")
	if err != nil {
		return "", behindExec(err, p)
	}
	p.account.token = token
	ctx, cancel := context.WithTimeoutCause(ctx, commandLimit, fmt.Errorf("no answer within %s", commandLimit))
	defer cancel()
	address := net.JoinHostPort(j.want.Service.String(), "443")
	way := &tunnel{api: j.api, pod: p}
	within, err := newAPI(Endpoint{Machine: "the Service kubernetes", Address: address}, &rest.Config{
		Host: "https://" + address, BearerToken: p.account.token, TLSClientConfig: rest.TLSClientConfig{CAData: []byte(p.account.ca)},
		Dial: func(context.Context, string, string) (net.Conn, error) {
			return way.open(ctx, j.want.Service.String(), "443"), nil
		},
	})
	if err != nil {
		return "", err
	}
	// What everybody may read whom the API knows.
	_, err = within.raw(ctx, "/api")
	cancel()
	if ended := way.wait(); err != nil {
		return "", lookAt(fmt.Errorf("from the pod on %s: %w", p.node, errors.Join(err, ended)),
			"the journal of kube-proxy on %s, the subject alternative names of the API server's certificate, and its service account keys", p.node)
	}
	return "https://" + address + " answers by TLS", nil
}

// tunnel makes connections to the API's Service that leave from within a pod.
type tunnel struct {
	api     *api
	pod     *pod
	running sync.WaitGroup
	mu      sync.Mutex
	errs    []error
}

// open connects from within the pod, until the context ends. An error is that of the program there, and told by wait.
func (t *tunnel) open(ctx context.Context, host, port string) net.Conn {
	ours, theirs := net.Pipe()
	t.running.Go(func() {
		defer theirs.Close()
		var stderr bytes.Buffer
		command := []string{"nc", host, port}
		err := t.api.exec(ctx, t.pod.name, remotecommand.StreamOptions{Stdin: theirs, Stdout: theirs, Stderr: &stderr}, command...)
		if err != nil && ctx.Err() == nil {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.errs = append(t.errs, fmt.Errorf("%s: %w: %s", t.pod.asked(command), err, oneLine(stderr.String())))
		}
	})
	return ours
}

// wait gives what went wrong, when no connection is left.
func (t *tunnel) wait() error {
	t.running.Wait()
	return errors.Join(t.errs...)
}
