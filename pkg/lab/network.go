package lab

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// groupAddress is the multicast group over which the machines of a lab exchange Ethernet frames. It is of the scope that
// never leaves a site (RFC 2365, section 6.1), and used on the loopback interface alone. Labs differ by port.
var groupAddress = [4]byte{239, 255, 78, 75}

// network holds the group and port that are one lab's alone.
type network struct {
	fd   int
	port int
}

// newNetwork has the kernel pick a port of the group that nobody uses, and keeps it: the socket is bound exclusively,
// and only then admits the lab's machines, which ask to share it. Another lab does not ask at the time of its binding.
func newNetwork() (*network, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make the lab's network: %w", err)
	}
	port, err := reservePort(fd)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("reserve a multicast port for the lab's network: %w", err)
	}
	return &network{fd: fd, port: port}, nil
}

func reservePort(fd int) (int, error) {
	// By default the socket would get, and pile up, what other sockets have joined the group for: ip(7).
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0); err != nil {
		return 0, err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: groupAddress}); err != nil {
		return 0, err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return 0, err
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return 0, err
	}
	return name.(*unix.SockaddrInet4).Port, nil
}

// String gives the group and port as QEMU takes them.
func (n *network) String() string {
	return net.JoinHostPort(net.IP(groupAddress[:]).String(), strconv.Itoa(n.port))
}

func (n *network) Close() error { return unix.Close(n.fd) }

// forwardMAC derives the address of the card that ports are forwarded through. No machine but this one sees it.
func forwardMAC(mac string) (string, error) {
	m, err := net.ParseMAC(mac)
	if err != nil || len(m) != 6 {
		return "", fmt.Errorf("the MAC %q is none of Ethernet", mac)
	}
	if m[0]&1 != 0 {
		return "", fmt.Errorf("the MAC %s is that of a group, not of a card", mac)
	}
	// The bit of locally administered addresses (IEEE 802, section 8.4), and one that makes it differ from mac.
	m[0] |= 2
	m[1] ^= 0x80
	return m.String(), nil
}

// parseForwards reads the host's port for each forwarded port of the guest from the monitor's "info usernet", of which
// such a line is "TCP[HOST_FORWARD]  9  127.0.0.1 35255  10.0.2.15  22  0  0".
func parseForwards(info string) map[int]int {
	ports := map[int]int{}
	for line := range strings.Lines(info) {
		words := strings.Fields(line)
		if len(words) < 6 || words[0] != "TCP[HOST_FORWARD]" {
			continue
		}
		host, err1 := strconv.Atoi(words[3])
		guest, err2 := strconv.Atoi(words[5])
		if err1 == nil && err2 == nil {
			ports[guest] = host
		}
	}
	return ports
}
