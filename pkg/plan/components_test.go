package plan_test

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

func planComponents(t *testing.T, profileLines, fileLines string) (plan.Components, error) {
	t.Helper()
	prof, err := profile.Read(fstest.MapFS{
		"profile.yaml": {Data: []byte(kubernetesProfile + profileLines)}, "master.bu": {}, "node.bu": {}, "etcd.bu": {},
		"addons/coredns.yaml": {}, "addons/dashboard.yaml": {},
	})
	if err != nil {
		t.Fatal(err)
	}
	spec, err := cluster.Parse("c.yaml", []byte(kubernetesHead+oneMaster+fileLines), fstest.MapFS{},
		func(s *cluster.Spec, p *cluster.Problems) { plan.Check(s, prof, p) })
	if err != nil {
		return plan.Components{}, err
	}
	return plan.New(spec, prof).Base.Components, nil
}

func TestComponents(t *testing.T) {
	const all = "components: [kubernetes, flannel, cni-plugins]\nsettings: {flanneldVersion: {default: 0.28.4}}\n"
	c, err := planComponents(t, all, "kubernetes: {version: 1.33}\nsettings: {flanneldVersion: 0.27.0}\n"+
		"components: {archives: [{url: https://example.com/a.tar.gz, sha256: "+`"0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef"`+"}]}\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []plan.Component{{Name: "kubernetes", Version: "1.33.0"}, {Name: "flannel", Version: "0.27.0"}, {Name: "cni-plugins", Version: "1.9.1"}}
	if c.Source != "auto" || !slices.Equal(c.Wanted, want) {
		t.Errorf("got %+v", c)
	}
	archives := []plan.Archive{{URL: "https://example.com/a.tar.gz", SHA256: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}}
	if !slices.Equal(c.Archives, archives) {
		t.Errorf("archives are %+v", c.Archives)
	}
}

func TestComponentsOfImages(t *testing.T) {
	c, err := planComponents(t, "components: [kubernetes]\nimageComponents: [kubernetes, etcd, coredns]\n"+
		"settings: {etcdVersion: {default: 3.6.5}, corednsVersion: {default: 1.12.1}}\n", "")
	if err != nil {
		t.Fatal(err)
	}
	want := []plan.Component{
		{Name: "kubernetes", Version: "1.34.4"}, {Name: "etcd", Version: "3.6.5", ImagesOnly: true}, {Name: "coredns", Version: "1.12.1", ImagesOnly: true},
	}
	if !slices.Equal(c.Wanted, want) {
		t.Errorf("got %+v", c.Wanted)
	}
}

func TestProfileWithoutComponents(t *testing.T) {
	if c, err := planComponents(t, "", ""); err != nil || c.Source != "" || c.Wanted != nil {
		t.Errorf("got %+v, %v", c, err)
	}
	_, err := planComponents(t, "", "components: {source: modules}\n")
	wantProblem(t, err, "c.yaml:7:13: components: profile p has no components")
}
