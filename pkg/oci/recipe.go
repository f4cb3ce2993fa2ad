package oci

import (
	"io/fs"
	"maps"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// recipe says what an image that is made here consists of.
type recipe struct {
	// layers from the lowest. Images that have the same layer share it.
	layers []layer
	config v1.Config
	// component whose programs are in it, "" for none.
	component string
}

// searchPath is what runtimes give a container whose image says nothing.
const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// recipes are the images that can be made, by the names that profiles have for them.
func recipes() map[string]recipe {
	env := []string{searchPath}
	pause := recipe{
		layers: []layer{{file("pause", 0o755, pauseProgram())}},
		// Nobody in particular: a number that no base gives away.
		config: v1.Config{User: "65535:65535", Env: env, Entrypoint: []string{"/pause"}},
	}
	recipes := map[string]recipe{
		"pause": pause,
		// What pause was called where Red Hat made it.
		"pod-infrastructure": pause,
		"busybox": {
			layers: []layer{{
				ofRoot("bin/busybox", "bin/busybox"), links("busybox", "bin", busyboxApplets()), trusted(),
				file("etc/passwd", 0o644, []byte(busyboxUsers)), file("etc/group", 0o644, []byte(busyboxGroups)),
				directory("home", 0o755), directory("root", 0o700),
				directory("tmp", 0o777|fs.ModeSticky), directory("var/tmp", 0o777|fs.ModeSticky),
			}},
			config: v1.Config{Env: env, Cmd: []string{"sh"}},
		},
		"coredns": {
			layers:    []layer{{trusted()}, {ofComponent("usr/bin/coredns", "coredns")}},
			config:    v1.Config{Env: env, Entrypoint: []string{"/coredns"}, WorkingDir: "/"},
			component: "coredns",
		},
	}
	maps.Copy(recipes, controlPlane(env))
	return recipes
}
