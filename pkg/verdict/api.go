package verdict

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/remotecommand"
)

// api is an API server, spoken to as somebody. client-go's set of clients for all kinds would be 15 MB of the program.
type api struct {
	Endpoint
	config *rest.Config
	client rest.Interface
}

// String gives the machine that the server runs on.
func (a *api) String() string { return a.Machine }

// where names the server in errors.
func (a *api) where() string { return a.Machine + " (" + a.Address + ")" }

// apis gives the API servers, spoken to as the administrator.
func (a Access) apis() ([]*api, error) {
	config, err := clientcmd.RESTConfigFromKubeConfig(a.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the administrator's kubeconfig: %w", err)
	}
	if len(a.Masters) == 0 {
		server, err := url.Parse(config.Host)
		if err != nil {
			return nil, fmt.Errorf("read the server of the administrator's kubeconfig: %w", err)
		}
		one, err := newAPI(Endpoint{Machine: server.Hostname(), Address: server.Host}, config)
		return []*api{one}, err
	}
	var out []*api
	for _, e := range a.Masters {
		c := rest.CopyConfig(config)
		c.Host = "https://" + e.Address
		one, err := newAPI(e, c)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// newAPI makes a client of what the configuration says of the server and of who asks.
func newAPI(e Endpoint, config *rest.Config) (*api, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, coordinationv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("prepare a client of the API: %w", err)
		}
	}
	c := rest.CopyConfig(config)
	c.GroupVersion, c.APIPath = &corev1.SchemeGroupVersion, "/api"
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	// It asks one thing after the other.
	c.QPS, c.WarningHandler, c.UserAgent = -1, rest.NoWarnings{}, "nodekiln"
	client, err := rest.RESTClientFor(c)
	if err != nil {
		return nil, fmt.Errorf("prepare a client of %s at %s: %w", e.Machine, e.Address, err)
	}
	return &api{Endpoint: e, config: c, client: client}, nil
}

// failed says what was asked, of whom, and what came back.
func (a *api) failed(verb, path string, err error) error {
	var transport *url.Error
	if errors.As(err, &transport) {
		// Its address and verb are said already.
		err = transport.Err
	}
	return fmt.Errorf("%s %s of %s: %w", verb, path, a.where(), err)
}

// raw gives what is below a path as it comes.
func (a *api) raw(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	b, err := a.client.Get().AbsPath(path).DoRaw(ctx)
	if err != nil {
		return "", a.failed("GET", path, err)
	}
	return string(b), nil
}

// get reads what is below a path, selected by labels or fields: "fieldSelector=involvedObject.name=node1".
func (a *api) get(ctx context.Context, into runtime.Object, path string, selectors ...string) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	request := a.client.Get().AbsPath(path)
	for _, s := range selectors {
		key, value, _ := strings.Cut(s, "=")
		request.Param(key, value)
	}
	if err := request.Do(ctx).Into(into); err != nil {
		return a.failed("GET", path, err)
	}
	return nil
}

// ensure reads an object, and makes it if there is none. The path is that of its kind.
func (a *api) ensure(ctx context.Context, into runtime.Object, path, object string) error {
	if err := a.get(ctx, into, path+"/"+object); !apierrors.IsNotFound(err) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	if err := a.client.Post().AbsPath(path).Body(into).Do(ctx).Into(into); err != nil {
		return a.failed("POST", path, err)
	}
	return nil
}

// remove deletes what is at a path. It may be gone already.
func (a *api) remove(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	if err := a.client.Delete().AbsPath(path).Do(ctx).Error(); err != nil && !apierrors.IsNotFound(err) {
		return a.failed("DELETE", path, err)
	}
	return nil
}

// exec runs a command in a pod of the namespace, until it ends or the context does.
func (a *api) exec(ctx context.Context, pod string, streams remotecommand.StreamOptions, command ...string) error {
	request := a.client.Get().AbsPath(podsPath, pod, "exec").Param("container", containerName)
	for key, on := range map[string]bool{"stdin": streams.Stdin != nil, "stdout": streams.Stdout != nil, "stderr": streams.Stderr != nil} {
		if on {
			request.Param(key, "true")
		}
	}
	for _, word := range command {
		request.Param("command", word)
	}
	websocket, err := remotecommand.NewWebSocketExecutor(a.config, "GET", request.URL().String())
	if err != nil {
		return err
	}
	// The API servers before 1.30 know SPDY alone.
	spdy, err := remotecommand.NewSPDYExecutor(a.config, "POST", request.URL())
	if err != nil {
		return err
	}
	executor, err := remotecommand.NewFallbackExecutor(websocket, spdy, httpstream.IsUpgradeFailure)
	if err != nil {
		return err
	}
	return executor.StreamWithContext(ctx, streams)
}

// output runs a command in a pod of the namespace, and gives what it wrote to stdout. The error has the rest.
func (a *api) output(ctx context.Context, p *pod, command ...string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, commandLimit, fmt.Errorf("no answer within %s", commandLimit))
	defer cancel()
	var stdout, stderr bytes.Buffer
	err := a.exec(ctx, p.name, remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr}, command...)
	if ctx.Err() != nil {
		// The streams may still be written to.
		return "", fmt.Errorf("%s: %w", p.asked(command), context.Cause(ctx))
	}
	if err != nil {
		return stdout.String(), fmt.Errorf("%s: %w: %s", p.asked(command), err, oneLine(stderr.String()))
	}
	return stdout.String(), nil
}

// oneLine gives a text as a cell of a table may have it.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// logs gives what a pod of the namespace has written.
func (a *api) logs(ctx context.Context, pod string) (string, error) {
	return a.raw(ctx, podsPath+"/"+pod+"/log")
}
