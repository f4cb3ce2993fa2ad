package verdict

import (
	"errors"
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
)

// Redirect gives a kubeconfig with another server in the place of its own, a URL.
func Redirect(kubeconfig []byte, server string) ([]byte, error) {
	config, err := clientcmd.Load(kubeconfig)
	if err == nil && len(config.Clusters) == 0 {
		err = errors.New("it has no cluster")
	}
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	for _, c := range config.Clusters {
		c.Server = server
	}
	out, err := clientcmd.Write(*config)
	if err != nil {
		return nil, fmt.Errorf("write the kubeconfig: %w", err)
	}
	return out, nil
}
