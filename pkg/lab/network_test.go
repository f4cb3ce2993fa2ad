package lab

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLabsHaveTheirOwnNetworks(t *testing.T) {
	ports := map[int]bool{}
	for range 5 {
		n, err := newNetwork()
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		if n.port == 0 || ports[n.port] {
			t.Errorf("port %d", n.port)
		}
		ports[n.port] = true
	}
}

// join does what QEMU does with its multicast sockets.
func join(t *testing.T, n *network) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	loopback := [4]byte{127, 0, 0, 1}
	patient := unix.NsecToTimeval(patience.Nanoseconds())
	if err := errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.Bind(fd, &unix.SockaddrInet4{Addr: groupAddress, Port: n.port}),
		unix.SetsockoptIPMreq(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, &unix.IPMreq{Multiaddr: groupAddress, Interface: loopback}),
		unix.SetsockoptByte(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 1),
		unix.SetsockoptInet4Addr(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, loopback),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patient),
	); err != nil {
		t.Fatal(err)
	}
	return fd
}

func TestNetworkIsSharedWithinALabAlone(t *testing.T) {
	n, err := newNetwork()
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	other, err := newNetwork()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	a, b, c := join(t, n), join(t, n), join(t, other)
	if err := unix.Sendto(a, []byte("frame"), 0, &unix.SockaddrInet4{Addr: groupAddress, Port: n.port}); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 16)
	if length, _, err := unix.Recvfrom(b, got, 0); err != nil || string(got[:length]) != "frame" {
		t.Errorf("%q, %v", got[:max(length, 0)], err)
	}
	// Loopback delivers to all at once, so what has reached b would have reached these: another lab, and the socket
	// that only keeps the port.
	for name, fd := range map[string]int{"another lab": c, "the keeper of the port": n.fd} {
		if length, _, err := unix.Recvfrom(fd, got, unix.MSG_DONTWAIT); !errors.Is(err, unix.EAGAIN) {
			t.Errorf("%s gets %d bytes, %v", name, length, err)
		}
	}
}

func TestForwardMAC(t *testing.T) {
	for mac, want := range map[string]string{
		"52:54:00:01:0a:65": "52:d4:00:01:0a:65",
		"00:d0:B7:00:00:01": "02:50:b7:00:00:01",
	} {
		if got, err := forwardMAC(mac); err != nil || got != want {
			t.Errorf("%s: %s, %v, not %s", mac, got, err, want)
		}
	}
	for _, mac := range []string{"", "52:54:00:01:0a", "02:00:5e:10:00:00:00:01", "33:33:00:00:00:01"} {
		if got, err := forwardMAC(mac); err == nil {
			t.Errorf("%s gives %s", mac, got)
		}
	}
}

func TestParseForwards(t *testing.T) {
	got := parseForwards("Hub -1 (f):\r\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n" +
		"  TCP[HOST_FORWARD]   9       127.0.0.1 35255       10.0.2.15    22     0     0\r\n" +
		"  TCP[ESTABLISHED]   11       127.0.0.1 35255       10.0.2.15    23     0     0\r\n" +
		"  TCP[HOST_FORWARD]   3       127.0.0.1 38183       10.0.2.15  2379     0     0\r\n")
	if len(got) != 2 || got[22] != 35255 || got[2379] != 38183 {
		t.Errorf("%v", got)
	}
}
