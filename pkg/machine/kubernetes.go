package machine

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/kube"
	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

// errNoKubernetes is the error of a function that a profile of something else calls.
var errNoKubernetes = errors.New("the profile says nothing of kubernetes in its profile.yaml")

func (f functions) kubernetes() (*plan.Kubernetes, error) {
	if f.data.Plan == nil || f.data.Kubernetes == nil {
		return nil, errNoKubernetes
	}
	return f.data.Kubernetes, nil
}

// server gives the URL at which the machine reaches the API.
func (f functions) server() (string, error) {
	k, err := f.kubernetes()
	if err != nil {
		return "", err
	}
	host := k.Host
	if k.LoadBalancer == plan.Local {
		host = "127.0.0.1"
		if slices.Contains(f.data.Machine.Roles, profile.MasterRole) {
			host = f.data.Machine.Address.String()
		}
	}
	return fmt.Sprintf("https://%s:%d", host, k.Port), nil
}

// since tells whether the cluster's version is of a minor release or of a later one.
func (f functions) since(minor string) (bool, error) {
	k, err := f.kubernetes()
	if err != nil {
		return false, err
	}
	v, err := kube.ParseVersion(minor)
	if err != nil {
		return false, err
	}
	return k.Version.Minor >= v.Minor, nil
}

// args gives the flags by which the cluster's version of a component does what is wanted, without those that the user
// has set.
func (f functions) args(component string, wanted ...string) (string, error) {
	var args []kube.Arg
	var errs []error
	for _, w := range wanted {
		a, err := kube.ParseArg(w)
		errs = append(errs, err)
		args = append(args, a)
	}
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	args, err := f.translate(component, args)
	if err != nil {
		return "", err
	}
	over, err := f.translate(component, f.data.Machine.Args(component))
	if err != nil {
		return "", err
	}
	args = slices.DeleteFunc(args, func(a kube.Arg) bool {
		return slices.ContainsFunc(over, func(o kube.Arg) bool { return o.Name == a.Name })
	})
	return commandLine(args)
}

// extraArgs gives the flags of a component that the user has set.
func (f functions) extraArgs(component string) (string, error) {
	args, err := f.extraArgList(component)
	if err != nil {
		return "", err
	}
	return commandLine(args)
}

// extraArgList gives the same flags one by one, for what is no command line.
func (f functions) extraArgList(component string) ([]kube.Arg, error) {
	f.taken[component] = true
	return f.translate(component, f.data.Machine.Args(component))
}

// translate gives flags as the cluster's version of a component takes them.
func (f functions) translate(component string, args []kube.Arg) ([]kube.Arg, error) {
	version, err := f.versionOf(component)
	if err != nil {
		return nil, err
	}
	return kube.Args(kube.Component(component), version, args)
}

// versionOf gives the version of a component: that of Kubernetes, or what the setting etcdVersion or flanneldVersion of
// the profile says.
func (f functions) versionOf(component string) (kube.Version, error) {
	k, err := f.kubernetes()
	if err != nil {
		return kube.Version{}, err
	}
	c := kube.Component(component)
	if c != kube.Etcd && c != kube.Flanneld {
		return k.Version, nil
	}
	own, ok := f.data.Settings[component+"Version"]
	if !ok {
		return kube.Version{}, fmt.Errorf("%s has versions of its own: the profile needs a setting %sVersion", c, c)
	}
	return kube.ParseComponentVersion(c, own)
}

// commandLine writes flags for a variable of a systemd environment file that a unit expands without quotes ($ARGS):
// systemd splits it at blanks and knows no quotes there (systemd.exec(5), systemd.service(5)).
func commandLine(args []kube.Arg) (string, error) {
	words := make([]string, 0, len(args))
	for _, a := range args {
		if strings.ContainsAny(a.Value, " \t\"'\\$") {
			return "", fmt.Errorf("%s: blanks, quotes, backslashes and dollars can not be in a flag that a unit takes from a variable", a)
		}
		words = append(words, a.String())
	}
	return strings.Join(words, " "), nil
}

// config gives a component's configuration in the format of the cluster's version.
func (f functions) config(kind string, wanted ...string) (string, error) {
	k, err := f.kubernetes()
	if err != nil {
		return "", err
	}
	var fields []kube.Field
	for _, w := range wanted {
		path, value, ok := strings.Cut(w, "=")
		if !ok {
			return "", fmt.Errorf("%s: %q is not written field=value", kind, w)
		}
		fields = append(fields, kube.Field{Path: path, Value: value})
	}
	b, err := kube.Config(kind, k.Version, fields)
	return string(b), err
}

// apiVersion gives the version of the API that a kind has in the cluster's version.
func (f functions) apiVersion(kind string) (string, error) {
	k, err := f.kubernetes()
	if err != nil {
		return "", err
	}
	return kube.APIVersion(kind, k.Version)
}

// image gives the reference of a container image by its name in the profile.
func (f functions) image(name string) (string, error) {
	if f.data.Plan != nil {
		if reference := f.data.Base.Images.Reference(name); reference != "" {
			return reference, nil
		}
	}
	return "", fmt.Errorf("the profile has no image %q among the images of its profile.yaml", name)
}

// addon is a manifest that a master applies.
type addon struct{ Name, Content string }

func (f functions) addons() ([]addon, error) {
	var out []addon
	for _, a := range f.data.Addons {
		content := string(a.Content)
		if a.Template != "" {
			var err error
			if content, err = f.file(a.Template); err != nil {
				return nil, err
			}
		}
		out = append(out, addon{a.Name, content})
	}
	return out, nil
}

// kubeconfig gives a kubeconfig of the machine's certificate of that name, which it holds with its key and authority.
func (f functions) kubeconfig(certificate, server string) (string, error) {
	cert, key, err := f.bundle.Certificate(f.data.Machine.Name, certificate)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(f.data.PKI.Certificates, func(c plan.Certificate) bool {
		return c.Machine == f.data.Machine.Name && c.Name == certificate
	})
	ca, err := f.bundle.Authority(f.data.PKI.Certificates[i].Authority)
	if err != nil {
		return "", err
	}
	return string(kube.Kubeconfig(kube.Access{
		Cluster: f.data.Cluster, Server: server, User: f.data.PKI.Certificates[i].CommonName,
		Authority: ca, Certificate: cert, Key: key.Reveal(),
	})), nil
}
