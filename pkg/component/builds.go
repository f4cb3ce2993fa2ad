package component

import (
	"embed"
	"fmt"
	"path"

	"github.com/nodekiln/nodekiln/pkg/kube"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

// mains are the sources of the program that all of Kubernetes' own are in, and of a CoreDNS with few plugins. They are in
// no package of this module, which must not depend on either: directories that begin with an underscore are none of Go's.
//
//go:embed _hyperkube/*.go _coredns/*.go
var mains embed.FS

const hyperkubeName = "hyperkube"

// oldestBuilt is the oldest minor release whose modules were seen to build with today's Go.
const oldestBuilt = "1.29"

// kubernetesBuild makes one program with seven names, a third of the size that they have one by one.
func kubernetesBuild(version string) ([]gobuild, error) {
	v, err := kube.ParseVersion(version)
	if err != nil {
		return nil, err
	}
	if !v.AtLeast(oldestBuilt) {
		return nil, fmt.Errorf("building from Go modules begins with Kubernetes %s", oldestBuilt)
	}
	files, err := sourcesIn("_hyperkube")
	if err != nil {
		return nil, err
	}
	b := gobuild{
		Module: "k8s.io/kubernetes", Version: "v" + v.String(), Siblings: fmt.Sprintf("v0.%d.%d", v.Minor, v.Patch),
		Files: files, Dir: binDir, Output: hyperkubeName,
	}
	// What hack/lib/version.sh of Kubernetes sets, for a source without git.
	for _, p := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		b.LDFlags += fmt.Sprintf(" -X %s.gitVersion=%s -X %[1]s.gitMajor=%[3]d -X %[1]s.gitMinor=%[4]d -X %[1]s.gitTreeState=archive", p, b.Version, v.Major, v.Minor)
	}
	for _, p := range programsOf(profile.ComponentKubernetes) {
		b.Links = append(b.Links, p.name)
	}
	return []gobuild{b}, nil
}

// sourcesIn gives the embedded files of a program, by name.
func sourcesIn(dir string) (map[string]string, error) {
	files := map[string]string{}
	entries, err := mains.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		text, err := mains.ReadFile(path.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		files[e.Name()] = string(text)
	}
	return files, nil
}

// etcdBuilds make each program in the module that it is the only one of.
func etcdBuilds(version string) []gobuild {
	return []gobuild{
		{Module: "go.etcd.io/etcd/server/v3", Version: "v" + version, Copied: "main.go", Dir: binDir, Output: "etcd"},
		{Module: "go.etcd.io/etcd/etcdctl/v3", Version: "v" + version, Copied: "main.go", Dir: binDir, Output: "etcdctl"},
	}
}

// corednsBuild makes CoreDNS with few of its plugins, so that it needs few of its modules.
func corednsBuild(version string) ([]gobuild, error) {
	files, err := sourcesIn("_coredns")
	return []gobuild{{Module: "github.com/coredns/coredns", Version: "v" + version, Files: files, Dir: binDir, Output: "coredns"}}, err
}

// flannelBuild makes flanneld without two of its back ends: udp, whose proxy is in C, and that for the routing tables of
// one cloud, whose SDK not every proxy of modules serves.
func flannelBuild(version string) []gobuild {
	const module = "github.com/flannel-io/flannel"
	return []gobuild{{
		Module: module, Version: "v" + version, Copied: "main.go", Dropped: []string{`backend/tencentvpc"`, `backend/udp"`},
		LDFlags: "-X " + module + "/pkg/version.Version=v" + version, Dir: binDir, Output: "flanneld",
	}}
}

// flannelPlugin is the last version of the CNI's plugins that came with flannel's. Its successor,
// github.com/flannel-io/cni-plugin, has prereleases alone as Go modules, which not every proxy serves.
const flannelPlugin = "0.9.1"

func cniBuilds(version string) []gobuild {
	const module = "github.com/containernetworking/plugins"
	set := func(version string) string {
		return "-X " + module + "/pkg/utils/buildversion.BuildVersion=v" + version
	}
	return []gobuild{
		{
			Module: module, Version: "v" + version, LDFlags: set(version), Dir: cniDir,
			Packages: []string{"plugins/ipam/host-local", "plugins/main/bridge", "plugins/main/loopback", "plugins/meta/portmap"},
		},
		{
			Module: module, Version: "v" + flannelPlugin, LDFlags: set(flannelPlugin), Dir: cniDir,
			Packages: []string{"plugins/meta/flannel"},
		},
	}
}
