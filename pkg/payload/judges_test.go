package payload_test

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/nodekiln/nodekiln/pkg/payload"
	"github.com/nodekiln/nodekiln/pkg/tool"
)

// inside gives the run of a program in a root filesystem.
func inside(root string, words ...string) tool.Cmd {
	return tool.Cmd{Name: "chroot", Args: append([]string{root}, words...), Env: []string{"LC_ALL=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}}
}

// checkSchema has cloud-init check user-data, and something that is none.
func checkSchema(t *testing.T, root string, cfg types.Config, host payload.Host) {
	seed, err := payload.CloudInit(cfg, host, payload.Target{})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"user-data": {seed.UserData, ""},
		"nonsense":  {append(bytes.Clone(seed.UserData), "chpasswd: all\n"...), "chpasswd: 'all' is not"},
	} {
		if err := os.WriteFile(filepath.Join(root, "tmp/user-data"), c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := inside(root, "cloud-init", "schema", "--config-file", "/tmp/user-data").Output(t.Context()); !strings.Contains(errorText(err), c.want) || (err == nil) != (c.want == "") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// checkRenderers has cloud-init render network-config for the two programs that stock images have.
func checkRenderers(t *testing.T, root string, host payload.Host) {
	v6 := lan()
	v6.Address, v6.Gateway = netip.MustParsePrefix("fd00::5/64"), netip.MustParseAddr("fd00::1")
	for _, c := range []struct {
		renderer string
		host     payload.Host
		wants    []string
	}{
		{"netplan", host, []string{"macaddress: 52:54:00:a8:38:6e", "192.168.56.110/24", "set-name: lan0", "via: 192.168.56.1"}},
		{"networkd", host, []string{
			"MACAddress=52:54:00:a8:38:6e", "Name=lan0", "DHCP=no", "Address=192.168.56.110/24", "Gateway=192.168.56.1",
			"DNS=192.168.56.1 9.9.9.9", "Domains=example.com",
		}},
		{"netplan", v6, []string{"fd00::5/64", "via: fd00::1"}},
		{"networkd", v6, []string{"Address=fd00::5/64", "Gateway=fd00::1"}},
	} {
		seed, err := payload.CloudInit(types.Config{}, c.host, payload.Target{})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "tmp/network-config"), seed.NetworkConfig, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := os.MkdirTemp(filepath.Join(root, "tmp"), "")
		if err != nil {
			t.Fatal(err)
		}
		command(t, inside(root, "cloud-init", "devel", "net-convert", "--network-data", "/tmp/network-config", "--kind", "yaml",
			"--output-kind", c.renderer, "--distro", "debian", "--directory", "/tmp/"+filepath.Base(out), "--mac", "lan0,"+c.host.MAC))
		got := allBelow(t, out)
		for _, want := range c.wants {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s", c.renderer, want, got)
			}
		}
	}
}

// checkMachine looks at what the machine was like when cloud-init had run.
func checkMachine(t *testing.T, root string) {
	for name, want := range map[string]string{
		"run-links": "lan0", "run-hostname": "linux-node1\n",
		"etc/systemd/network/10-cloud-init-lan0.network": "Address=192.168.56.110/24\n",
		"etc/hostname": "linux-node1\n",
	} {
		b, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || !strings.Contains(string(b), want) {
			t.Errorf("/%s lacks %q: %v %s", name, want, err, b)
		}
	}
}

// allBelow reads all files of a directory.
func allBelow(t *testing.T, dir string) string {
	var text strings.Builder
	if err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		text.Write(b)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return text.String()
}
