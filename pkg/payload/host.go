package payload

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
)

// Host is what cloud-init is told of a machine beside its config.
type Host struct {
	// Name is the host name, and Domain its DNS domain, "" for none.
	Name, Domain string
	// MAC address of the interface that gets the address.
	MAC string
	// Address with the length of the network's prefix.
	Address netip.Prefix
	// Gateway is the zero address where there is none.
	Gateway netip.Addr
	DNS     []netip.Addr
}

// interfaceName is what the interface is called. It is no name that the kernel or udev gives, so that renaming meets no
// other interface.
const interfaceName = "lan0"

func (h Host) fqdn() string {
	if h.Domain == "" {
		return ""
	}
	return h.Name + "." + h.Domain
}

// metaData is the file of that name (cloud-init, "NoCloud").
type metaData struct {
	InstanceID    string `yaml:"instance-id"`
	LocalHostname string `yaml:"local-hostname"`
	// DSMode "local" has all of the seed's files, keys and names applied before the network comes up.
	DSMode string `yaml:"dsmode"`
}

// metaData makes the instance's ID of the contents: cloud-init applies a seed once for each ID, so that a machine that
// is given the same seed again stays as it is, and one that is given another (with renewed certificates, say) takes it.
func (h Host) metaData(userData, networkConfig []byte, parts []Part) ([]byte, error) {
	contents := [][]byte{userData, networkConfig}
	for _, p := range parts {
		contents = append(contents, p.Content)
	}
	digest := sha256.New()
	for _, c := range contents {
		fmt.Fprintf(digest, "%d\n%s", len(c), c)
	}
	return encodeYAML(metaData{
		InstanceID:    fmt.Sprintf("%s-%x", h.Name, digest.Sum(nil)[:8]),
		LocalHostname: h.Name,
		DSMode:        "local",
	})
}

// networkConfig is the file of that name (cloud-init, "Networking Config Version 2").
type networkConfig struct {
	Version   int                 `yaml:"version"`
	Ethernets map[string]ethernet `yaml:"ethernets"`
}

type ethernet struct {
	Match struct {
		MACAddress string `yaml:"macaddress"`
	} `yaml:"match"`
	SetName     string       `yaml:"set-name"`
	Addresses   []string     `yaml:"addresses"`
	AcceptRA    bool         `yaml:"accept-ra"`
	Routes      []route      `yaml:"routes,omitempty"`
	Nameservers *nameservers `yaml:"nameservers,omitempty"`
}

type route struct {
	To  string `yaml:"to"`
	Via string `yaml:"via"`
}

type nameservers struct {
	Addresses []string `yaml:"addresses"`
	Search    []string `yaml:"search,omitempty"`
}

func (h Host) networkConfig() ([]byte, error) {
	if h.Name == "" || h.MAC == "" || !h.Address.IsValid() {
		return nil, fmt.Errorf("configure the network of host %q: it needs a name, a MAC address and an address", h.Name)
	}
	// Match on a name is ignored by some renderers of cloud-init; the MAC address is heeded by all.
	e := ethernet{SetName: interfaceName, Addresses: []string{h.Address.String()}}
	e.Match.MACAddress = h.MAC
	if h.Gateway.IsValid() {
		everywhere := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if h.Gateway.Is6() {
			everywhere = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
		e.Routes = []route{{To: everywhere.String(), Via: h.Gateway.String()}}
	}
	if len(h.DNS) > 0 {
		e.Nameservers = &nameservers{}
		for _, a := range h.DNS {
			e.Nameservers.Addresses = append(e.Nameservers.Addresses, a.String())
		}
		if h.Domain != "" {
			e.Nameservers.Search = []string{h.Domain}
		}
	}
	return encodeYAML(networkConfig{Version: 2, Ethernets: map[string]ethernet{interfaceName: e}})
}
