package payload

import (
	"bytes"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/unit"
)

// machineIDScript sets the machine's ID before anything but systemd's first process and its journal has read it. At a
// first boot systemd may have mounted a random one over the file, read-only. The journal is kept by ID, so journald is
// restarted.
const machineIDScript = `[ "$(cat /etc/machine-id)" != "$1" ] || exit 0
! mountpoint -q /etc/machine-id || umount /etc/machine-id
(umask 222 && echo "$1" >/etc/.machine-id) && mv -f /etc/.machine-id /etc/machine-id || exit
[ ! -d /run/systemd/system ] || systemctl --no-block restart systemd-journald.service`

// hostKey gives the key of cloud-init's ssh_keys for an SSH host key's file. Given them there, cloud-init removes those
// that the image came with, which other machines may have too.
func hostKey(p string) (key string, ok bool) {
	name, ok := strings.CutPrefix(p, "etc/ssh/ssh_host_")
	if !ok {
		return "", false
	}
	part := "_private"
	if private, public := strings.CutSuffix(name, ".pub"); public {
		name, part = private, "_public"
	}
	name, ok = strings.CutSuffix(name, "_key")
	return name + part, ok && slices.Contains([]string{"rsa", "ecdsa", "ed25519"}, name)
}

// matchesMAC tells whether a file of systemd.network(5) is for the interface with that MAC address.
func matchesMAC(network []byte, mac string) bool {
	options, err := unit.DeserializeOptions(bytes.NewReader(network))
	return err == nil && slices.ContainsFunc(options, func(o *unit.UnitOption) bool {
		return o.Section == "Match" && o.Name == "MACAddress" && strings.EqualFold(o.Value, mac)
	})
}
