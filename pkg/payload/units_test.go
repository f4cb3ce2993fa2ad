package payload

import (
	"strings"
	"testing"
)

func TestUnits(t *testing.T) {
	tr := rootfsOf(t, `
systemd:
  units:
    - name: a.service
      enabled: true
      contents: |
        [Service]
        ExecStart=/bin/a
        [Install]
        WantedBy=multi-user.target
        Alias=b.service
        Also=a.socket
      dropins: [{name: x.conf, contents: "[Service]\n"}, {name: none.conf}]
    - name: a.socket
      contents: "[Socket]\nListenStream=/run/a\n[Install]\nRequiredBy=sockets.target\nAlso=a.service\n"
    - {name: getty@ttyS1.service, enabled: true}
    - {name: apt-daily.timer, mask: true}
    - {name: m.service, mask: true, contents: "[Service]\nExecStart=/bin/m\n"}
    - {name: none.service, enabled: false}
    - {name: static.service, enabled: false, mask: false}
    - {name: getty@tty9.service, enabled: false}
`, base())
	for p, want := range map[string]string{
		"etc/systemd/system/multi-user.target.wants/a.service":      "/etc/systemd/system/a.service",
		"etc/systemd/system/b.service":                              "/etc/systemd/system/a.service",
		"etc/systemd/system/sockets.target.requires/a.socket":       "/etc/systemd/system/a.socket",
		"etc/systemd/system/getty.target.wants/getty@ttyS1.service": "/usr/lib/systemd/system/getty@.service",
		"etc/systemd/system/apt-daily.timer":                        "/dev/null",
		"etc/systemd/system/m.service":                              "/dev/null",
	} {
		if n, ok := tr.Get(p); !ok || n.Target != want {
			t.Errorf("%s points to %q, want %q", p, n.Target, want)
		}
	}
	if got := content(t, tr, "etc/systemd/system/a.service.d/x.conf"); got != "[Service]\n" {
		t.Errorf("drop-in: %q", got)
	}
	for _, p := range []string{"a.service.d/none.conf", "none.service", "static.service", "getty.target.wants/getty@tty9.service"} {
		if _, ok := tr.Get("etc/systemd/system/" + p); ok {
			t.Errorf("%s was made", p)
		}
	}
}

func TestRefusesUnits(t *testing.T) {
	for name, c := range map[string]struct{ butane, want string }{
		"not there":  {"{name: none.service, enabled: true}", "the base has no such unit"},
		"no target":  {"{name: static.service, enabled: true}", "no [Install] section"},
		"template":   {"{name: getty@.service, enabled: true}", "name an instance"},
		"specifier":  {`{name: s.service, enabled: true, contents: "[Install]\nWantedBy=%i.target\n"}`, "specifiers"},
		"is enabled": {"{name: getty@tty1.service, enabled: false}", "mask it"},
		"is masked":  {"{name: static.service, mask: false}", "give it contents"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Rootfs(ignition(t, "systemd: {units: ["+c.butane+"]}"), lived(), epoch)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
