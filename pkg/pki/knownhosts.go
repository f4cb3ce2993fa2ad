package pki

import (
	"bytes"
	"fmt"
	"strings"
)

// sshPort is the port that ssh(1) connects to by itself, and known_hosts therefore leaves out.
const sshPort = 22

// Host is how a machine's sshd(8) is reached.
type Host struct {
	Machine string
	// Names and addresses that lead to the machine.
	Names []string
	// Port of all of them; 0 stands for 22.
	Port int
}

// KnownHosts gives the content of a known_hosts file, as sshd(8) describes it, that has the keys of the hosts' machines.
func (b *Bundle) KnownHosts(hosts []Host) ([]byte, error) {
	var out bytes.Buffer
	for _, h := range hosts {
		keys, err := b.SSHHostKeys(h.Machine)
		if err != nil {
			return nil, fmt.Errorf("known_hosts: %w", err)
		}
		names := make([]string, len(h.Names))
		for i, n := range h.Names {
			if names[i], err = h.pattern(n); err != nil {
				return nil, fmt.Errorf("known_hosts: %w", err)
			}
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("known_hosts: machine %s: no name or address", h.Machine)
		}
		for _, k := range keys {
			fields := bytes.Fields(k.Public)
			fmt.Fprintf(&out, "%s %s %s\n", strings.Join(names, ","), fields[0], fields[1])
		}
	}
	return out.Bytes(), nil
}

// pattern gives the form that ssh(1) looks a host up by.
func (h Host) pattern(name string) (string, error) {
	// What separates names, or makes a pattern of one, would let a key speak for other hosts.
	if name == "" || strings.ContainsAny(name, " \t\r\n,*?!|[]#@\"") {
		return "", fmt.Errorf("machine %s: %q is no name or address", h.Machine, name)
	}
	if h.Port == 0 || h.Port == sshPort {
		return name, nil
	}
	return fmt.Sprintf("[%s]:%d", name, h.Port), nil
}
