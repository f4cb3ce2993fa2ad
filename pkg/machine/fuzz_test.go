package machine

import (
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/pkg/payload"
)

// FuzzMerge lays any two Butane configs over each other. What translates must make a config that can be made a root
// filesystem of, or be refused, and the second must win.
func FuzzMerge(f *testing.F) {
	const head = "variant: flatcar\nversion: 1.1.0\n"
	for _, s := range []string{
		head,
		head + "storage: {files: [{path: /etc/a, contents: {inline: x}}, {path: /etc/b, append: [{inline: x}]}]}\n",
		head + "storage: {directories: [{path: /etc/a}], links: [{path: /etc/b, target: a}, {path: /etc/c, target: b, hard: true}]}\n",
		head + "systemd: {units: [{name: a.service, enabled: true, contents: \"[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n\", dropins: [{name: x.conf, contents: \"[Unit]\"}]}]}\n",
		head + "passwd: {users: [{name: core, groups: [wheel], ssh_authorized_keys: [a]}], groups: [{name: wheel}]}\n",
		"variant: fcos\nversion: 1.5.0\nstorage: {trees: [{local: x}]}\n",
	} {
		f.Add([]byte(s), []byte(head+"storage: {files: [{path: /etc/a, overwrite: true, contents: {inline: y}}]}\n"))
	}
	f.Fuzz(func(t *testing.T, under, over []byte) {
		a, err := ignition(under)
		if err != nil {
			return
		}
		b, err := ignition(over)
		if err != nil {
			return
		}
		merged := lay(a, b)
		for _, file := range b.Storage.Files {
			if writes(merged, file.Path) != "file" {
				t.Errorf("%s is no file of the merged config", file.Path)
			}
		}
		for _, link := range b.Storage.Links {
			if writes(merged, link.Path) != "link" {
				t.Errorf("%s is no link of the merged config", link.Path)
			}
		}
		_, _ = payload.Rootfs(merged, nil, time.Unix(0, 0)) // it must end, with or without an error
	})
}
