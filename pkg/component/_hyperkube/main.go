// Command hyperkube is the programs of one Kubernetes release in one file: a third of the size that they have one by
// one. It is the program whose name it is called by, or the one that its first argument names:
//
//	ln -s hyperkube kubelet && ./kubelet --version
//	hyperkube kubelet --version
//
// Two more commands say what the release accepts, for the tests of pkg/kube:
//
//	hyperkube flags COMPONENT      # component, flag, type and deprecation, one flag a line
//	hyperkube config KIND < FILE   # decodes strictly and validates a component's configuration
//
// Package component builds it; hack/kubernetes does so alone.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // kubectl's ways to log in
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register" // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubeadm "k8s.io/kubernetes/cmd/kubeadm/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

const usage = "usage: hyperkube kube-apiserver|kube-controller-manager|kube-scheduler|kubelet|kube-proxy|kubeadm|kubectl [ARGUMENT]...\n" +
	"       hyperkube flags COMPONENT\n" +
	"       hyperkube config KIND < FILE\n"

func main() {
	name := filepath.Base(os.Args[0])
	if !programs[name] {
		if len(os.Args) < 2 {
			fmt.Fprint(os.Stderr, usage)
			os.Exit(2)
		}
		os.Args = os.Args[1:]
		name = os.Args[0]
	}
	os.Exit(run(name))
}

// programs are the names that the program may be called by.
var programs = map[string]bool{
	"kube-apiserver":          true,
	"kube-controller-manager": true,
	"kube-scheduler":          true,
	"kubelet":                 true,
	"kube-proxy":              true,
	"kubeadm":                 true,
	"kubectl":                 true,
}

// run runs one program with os.Args, and gives its exit code.
func run(name string) int {
	switch name {
	case "kubeadm":
		return code(kubeadm.Run())
	case "kubectl":
		if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
			kubectlutil.CheckErr(err) // prints and exits
		}
		return 0
	case "flags":
		return code(printFlags(os.Stdout, os.Args[1:]))
	case "config":
		return code(checkConfig(os.Stdin, os.Args[1:]))
	}
	if !programs[name] {
		fmt.Fprintf(os.Stderr, "hyperkube: no program %q\n%s", name, usage)
		return 2
	}
	return cli.Run(component(name))
}

func code(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// component makes the command of one component.
func component(name string) *cobra.Command {
	switch name {
	case "kube-apiserver":
		return construct(apiserver.NewAPIServerCommand)
	case "kube-controller-manager":
		return construct(controllermanager.NewControllerManagerCommand)
	case "kube-scheduler":
		return scheduler.NewSchedulerCommand()
	case "kubelet":
		return construct(kubelet.NewKubeletCommand)
	default:
		dropFlagsExcept("boot_id_file", "machine_id_file")
		return construct(proxy.NewProxyCommand)
	}
}

// dropFlagsExcept forgets the flags that libraries define for the whole process. kube-proxy takes over all that are there,
// and as a program of its own it has only these two.
func dropFlagsExcept(names ...string) {
	kept := flag.NewFlagSet(os.Args[0], flag.ContinueOnError)
	for _, name := range names {
		if f := flag.Lookup(name); f != nil {
			kept.Var(f.Value, f.Name, f.Usage)
		}
	}
	flag.CommandLine = kept
}

// construct calls a component's constructor, some of which take a context in some releases: the kubelet's since 1.30.
func construct(constructor any) *cobra.Command {
	switch f := constructor.(type) {
	case func() *cobra.Command:
		return f()
	case func(context.Context) *cobra.Command:
		return f(context.Background())
	default:
		panic(fmt.Sprintf("a constructor of an unknown form: %T", f))
	}
}
