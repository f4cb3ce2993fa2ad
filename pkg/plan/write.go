package plan

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// MarshalJSON writes lifetimes as Go writes durations ("8760h0m0s").
func (p PKI) MarshalJSON() ([]byte, error) {
	type plain PKI
	return json.Marshal(struct {
		plain
		Expiry   string `json:"expiry"`
		CAExpiry string `json:"caExpiry"`
	}{plain(p), p.Expiry.String(), p.CAExpiry.String()})
}

// WriteJSON writes the plan for programs. Password hashes and the contents of files are left out.
func (p *Plan) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(p)
}

// WriteTable writes the plan for a person: the machines, and below them what they share.
func (p *Plan) WriteTable(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "MACHINE\tROLES\tADDRESS\tMAC\tDISK\tMEMORY\tCPUS\tCERTIFICATES")
	for _, m := range p.Machines {
		fmt.Fprintf(tw, "%s\t%s\t%s/%d\t%s\t%s\t%s\t%d\t%s\n", m.Name, strings.Join(m.Roles, ","), m.Address, p.Network.Machines.Bits(),
			m.MAC, size(m.Disk), size(m.Memory), m.CPUs, strings.Join(p.certificatesOf(m.Name), ","))
	}
	fmt.Fprintln(tw)
	fmt.Fprintf(tw, "cluster\t%s, profile %s\n", p.Cluster, p.Profile)
	if k := p.Kubernetes; k != nil {
		fmt.Fprintf(tw, "kubernetes\t%s with %s; API at %s:%d%s; pods %s, services %s by %s\n", k.Version, k.Runtime, k.Host, k.Port,
			balanced(k.LoadBalancer), k.Pods, k.Services, k.ProxyMode)
		fmt.Fprintf(tw, "addons\t%s\n", list(p.addonNames()))
		fmt.Fprintf(tw, "images\t%s\n", list(p.Base.Images.names()))
	}
	fmt.Fprintf(tw, "base\tdebian %s, kernel %s, with %s\n", p.Base.Debian, p.Base.Kernel, strings.Join(p.Base.Packages, " "))
	fmt.Fprintf(tw, "keys\t%s; certificates for %s, authorities for %s\n", p.PKI.Key, p.PKI.Expiry, p.PKI.CAExpiry)
	fmt.Fprintf(tw, "operator\t%s\n", strings.Join(p.certificatesOf(""), ","))
	return tw.Flush()
}

// balanced tells how clients reach several masters.
func balanced(loadBalancer string) string {
	if loadBalancer == "" {
		return ""
	}
	return " (load balancer: " + loadBalancer + ")"
}

func (p *Plan) addonNames() []string {
	var names []string
	for _, a := range p.Addons {
		names = append(names, a.Name)
	}
	return names
}

// names gives the references of the images that are baked in, and where those of the user's own are.
func (i Images) names() []string {
	if i.Source == ImagesNone {
		return nil
	}
	var names []string
	for _, w := range i.Wanted {
		names = append(names, w.Reference)
	}
	for _, p := range i.Preload {
		names = append(names, p.String())
	}
	return names
}

func (p *Plan) certificatesOf(holder string) []string {
	var names []string
	for _, c := range p.PKI.Certificates {
		if c.Machine == holder {
			names = append(names, c.Name)
		}
	}
	return names
}

// size writes bytes in the largest binary unit that takes no fraction, as the cluster file has them.
func size(n int64) string {
	units := []string{"", "K", "M", "G", "T"}
	i := 0
	for n != 0 && n%1024 == 0 && i < len(units)-1 {
		n, i = n/1024, i+1
	}
	return fmt.Sprintf("%d%s", n, units[i])
}
