package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app/options"
)

// printFlags writes each flag of a component, hidden ones too: component, name, type, and what its deprecation says. It
// is one component a run, because the components of one process share feature gates, which only the first may set.
func printFlags(w io.Writer, args []string) error {
	if len(args) != 1 || !programs[args[0]] {
		return errors.New(usage)
	}
	flags, err := flagsOf(args[0])
	if err != nil {
		return fmt.Errorf("the flags of %s: %w", args[0], err)
	}
	out := bufio.NewWriter(w)
	flags.VisitAll(func(f *pflag.Flag) {
		deprecated := strings.Join(strings.Fields(f.Deprecated), " ")
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", args[0], f.Name, f.Value.Type(), deprecated)
	})
	return out.Flush()
}

func flagsOf(name string) (*pflag.FlagSet, error) {
	if name == "kubelet" {
		return kubeletFlags()
	}
	command := component(name)
	command.InitDefaultHelpFlag()
	return command.Flags(), nil
}

// kubeletFlags are the flags as NewKubeletCommand puts them together: it parses them itself and keeps them from its
// command, so they cannot be asked for there.
func kubeletFlags() (*pflag.FlagSet, error) {
	config, err := kubelet.NewKubeletConfiguration()
	if err != nil {
		return nil, err
	}
	flags := pflag.NewFlagSet("kubelet", pflag.ContinueOnError)
	kubelet.NewKubeletFlags().AddFlags(flags)
	kubelet.AddKubeletConfigFlags(flags, config)
	kubelet.AddGlobalFlags(flags)
	flags.BoolP("help", "h", false, "")
	return flags, nil
}
