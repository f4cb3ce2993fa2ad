package plan_test

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

const imagesProfile = kubernetesProfile + `
images:
  - {name: pause, tag: "3.9", setting: pauseImage}
  - {name: coredns, tag: "v{corednsVersion}", addon: coredns, since: "1.21"}
  - {name: coredns, tag: 1.6.7, addon: coredns, until: "1.20"}
  - {name: busybox, reference: "nodekiln.dev/busybox:1"}
settings: {imageRepository: {default: registry.k8s.io}, pauseImage: {default: ""}, corednsVersion: {default: 1.12.1}}
`

func TestImages(t *testing.T) {
	for text, want := range map[string][]string{
		"":                              {"registry.k8s.io/pause:3.9", "registry.k8s.io/coredns/coredns:v1.12.1", "nodekiln.dev/busybox:1"},
		"kubernetes: {version: 1.20}\n": {"registry.k8s.io/pause:3.9", "registry.k8s.io/coredns:1.6.7", "nodekiln.dev/busybox:1"},
		"addons: []\n":                  {"registry.k8s.io/pause:3.9", "nodekiln.dev/busybox:1"},
		"settings: {imageRepository: mirror.example.com/google}\n":      {"mirror.example.com/google/pause:3.9", "mirror.example.com/google/coredns:v1.12.1", "nodekiln.dev/busybox:1"},
		"settings: {pauseImage: example.com/hold:2}\naddons: [x/a.y]\n": {"example.com/hold:2", "nodekiln.dev/busybox:1"},
	} {
		prof, err := profile.Read(fstest.MapFS{
			"profile.yaml": {Data: []byte(imagesProfile)}, "master.bu": {}, "node.bu": {}, "etcd.bu": {},
			"addons/coredns.yaml": {}, "addons/dashboard.yaml": {},
		})
		if err != nil {
			t.Fatal(err)
		}
		spec, err := cluster.Parse("c.yaml", []byte(kubernetesHead+oneMaster+text), fstest.MapFS{"x/a.y": {Data: []byte("kind: Pod\n")}},
			func(s *cluster.Spec, p *cluster.Problems) { plan.Check(s, prof, p) })
		if err != nil {
			t.Fatal(err)
		}
		images := plan.New(spec, prof).Base.Images
		var got []string
		for _, i := range images.Wanted {
			got = append(got, i.Reference)
		}
		if !slices.Equal(got, want) || images.Source != plan.ImagesAuto {
			t.Errorf("%q: got %v from %s, want %v", text, got, images.Source, want)
		}
		if images.Reference("pause") != want[0] || images.Reference("nginx") != "" {
			t.Errorf("%q: pause is %q", text, images.Reference("pause"))
		}
	}
}
