package main

import (
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/util/feature"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	kubeletscheme "k8s.io/kubernetes/pkg/kubelet/apis/config/scheme"
	kubeletvalidation "k8s.io/kubernetes/pkg/kubelet/apis/config/validation"
	proxyconfig "k8s.io/kubernetes/pkg/proxy/apis/config"
	proxyscheme "k8s.io/kubernetes/pkg/proxy/apis/config/scheme"
	proxyvalidation "k8s.io/kubernetes/pkg/proxy/apis/config/validation"
	schedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	schedulerscheme "k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	schedulervalidation "k8s.io/kubernetes/pkg/scheduler/apis/config/validation"
)

// checkConfig decodes the configuration of a component and validates it, with the release's own types. Fields that the
// release does not know and fields that are there twice are errors.
func checkConfig(r io.Reader, args []string) error {
	if len(args) != 1 {
		return errors.New(usage)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	codecs, err := codecsOf(args[0])
	if err != nil {
		return err
	}
	decoded, err := runtime.Decode(codecs.UniversalDecoder(), data)
	if err != nil {
		return fmt.Errorf("decode a %s: %w", args[0], err)
	}
	if err := validate(decoded); err != nil {
		return fmt.Errorf("validate a %s: %w", args[0], err)
	}
	return nil
}

func codecsOf(kind string) (*serializer.CodecFactory, error) {
	switch kind {
	case "KubeletConfiguration":
		_, codecs, err := kubeletscheme.NewSchemeAndCodecs(serializer.EnableStrict)
		return codecs, err
	case "KubeProxyConfiguration":
		codecs := serializer.NewCodecFactory(proxyscheme.Scheme, serializer.EnableStrict)
		return &codecs, nil
	case "KubeSchedulerConfiguration":
		return &schedulerscheme.Codecs, nil
	default:
		return nil, fmt.Errorf("no kind of configuration: %q", kind)
	}
}

func validate(decoded runtime.Object) error {
	switch config := decoded.(type) {
	case *kubeletconfig.KubeletConfiguration:
		return kubeletvalidation.ValidateKubeletConfiguration(config, feature.DefaultFeatureGate)
	case *proxyconfig.KubeProxyConfiguration:
		return proxyvalidation.Validate(config).ToAggregate()
	case *schedulerconfig.KubeSchedulerConfiguration:
		return schedulervalidation.ValidateKubeSchedulerConfiguration(config)
	default:
		return fmt.Errorf("it is a %T", decoded)
	}
}
