package build

import (
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/nodekiln/nodekiln/pkg/kube"
	"github.com/nodekiln/nodekiln/pkg/pki"
	"github.com/nodekiln/nodekiln/pkg/plan"
)

// KubeconfigName is the file beside the images by which the operator reaches the cluster. It holds a private key.
const KubeconfigName = "admin.kubeconfig"

// adminCertificate is the certificate of the operator that the kubeconfig is made of.
const adminCertificate = "admin"

func isAdmin(c plan.Certificate) bool { return c.Machine == "" && c.Name == adminCertificate }

// adminKubeconfig gives the operator's kubeconfig, and nil where the profile gives the operator no such certificate.
func (p *Project) adminKubeconfig(bundle *pki.Bundle) ([]byte, error) {
	k := p.Plan.Kubernetes
	i := slices.IndexFunc(p.Plan.PKI.Certificates, isAdmin)
	if k == nil || i < 0 {
		return nil, nil
	}
	cert, key, err := bundle.Certificate("", adminCertificate)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", KubeconfigName, err)
	}
	ca, err := bundle.Authority(p.Plan.PKI.Certificates[i].Authority)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", KubeconfigName, err)
	}
	return kube.Kubeconfig(kube.Access{
		Cluster: p.Plan.Cluster, Server: "https://" + net.JoinHostPort(k.Host, strconv.Itoa(k.Port)), User: adminCertificate,
		Authority: ca, Certificate: cert, Key: key.Reveal(),
	}), nil
}
