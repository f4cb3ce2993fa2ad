package main

import (
	"os"
	"path/filepath"
)

// other is a component with releases of its own.
type other struct {
	name     string
	releases []otherRelease // one of each minor version that is to be had, the oldest first
	files    []string       // those that define its flags, where a release has them
}

type otherRelease struct {
	minor  string
	module string
}

var others = []other{
	{"etcd", []otherRelease{
		{"2.3", "github.com/coreos/etcd@v2.3.8+incompatible"},
		{"3.0", "github.com/coreos/etcd@v3.0.17+incompatible"},
		{"3.1", "github.com/coreos/etcd@v3.1.20+incompatible"},
		{"3.2", "github.com/coreos/etcd@v3.2.32+incompatible"},
		{"3.3", "github.com/coreos/etcd@v3.3.27+incompatible"},
		{"3.4", "go.etcd.io/etcd@v0.5.0-alpha.5.0.20200910180754-dd1b699fc489"}, // 3.4.13
		{"3.5", "go.etcd.io/etcd/server/v3@v3.5.21"},
		{"3.6", "go.etcd.io/etcd/server/v3@v3.6.4"},
	}, []string{"etcdmain/config.go", "embed/config.go"}},
	{"flanneld", []otherRelease{
		{"0.11", "github.com/coreos/flannel@v0.11.0"},
		{"0.14", "github.com/flannel-io/flannel@v0.14.0"},
		{"0.19", "github.com/flannel-io/flannel@v0.19.2"},
		{"0.28", "github.com/flannel-io/flannel@v0.28.4"},
	}, []string{"main.go"}},
}

// read reads the flags of another component's releases.
func (o other) read() (history, error) {
	h := history{}
	for i, r := range o.releases {
		root, err := download(r.module)
		if err != nil {
			return nil, err
		}
		for _, file := range o.files {
			path := filepath.Join(root, file)
			if _, err := os.Stat(path); err != nil {
				continue
			}
			flags, err := parseDir(path)
			if err != nil {
				return nil, err
			}
			for _, f := range flags {
				h.add(o.name, f.name, f.kind, i, len(o.releases))
			}
		}
		for _, name := range []string{"help", "version"} {
			h.add(o.name, name, "bool", i, len(o.releases))
		}
		if o.name == "flanneld" {
			// It takes these from glog's set; log_backtrace_at, with underscores, is no flag that can be asked for.
			h.add(o.name, "v", "int", i, len(o.releases))
			h.add(o.name, "vmodule", "value", i, len(o.releases))
		}
		switch r.minor {
		case "3.4":
			// Later releases of 3.4, which are no modules, have these too: 3.4.23 lists them.
			h.add(o.name, "experimental-warning-apply-duration", "duration", i, len(o.releases))
			h.add(o.name, "max-concurrent-streams", "value", i, len(o.releases))
		case "3.6":
			h.add(o.name, "feature-gates", "mapStringBool", i, len(o.releases)) // by a method of its own
		}
	}
	return h, nil
}

func (o other) minors() []string {
	var minors []string
	for _, r := range o.releases {
		minors = append(minors, r.minor)
	}
	return minors
}
