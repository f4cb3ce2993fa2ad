package cluster_test

import (
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/cluster"
)

func TestImages(t *testing.T) {
	const head = "apiVersion: nodekiln.dev/v1\nkind: Cluster\nmetadata: {name: lab}\nprofile: deepin\n" +
		"network: {machines: 10.1.10.0/24}\nmachines: [{name: a, address: 10.1.10.1}]\n"
	spec, err := cluster.Parse("c.yaml", []byte(head+"images:\n  preload: [{archive: app.tar}, {layout: app}, {pull: example.com/app:1}]\n"), sources())
	if err != nil {
		t.Fatal(err)
	}
	want := []cluster.Preload{
		{Archive: "app.tar", Path: "images.preload[0]"}, {Layout: "app", Path: "images.preload[1]"}, {Pull: "example.com/app:1", Path: "images.preload[2]"},
	}
	if got := spec.Images; got.Source != "auto" || len(got.Preload) != 3 || got.Preload[0] != want[0] || got.Preload[1] != want[1] || got.Preload[2] != want[2] {
		t.Errorf("got %+v", got)
	}
	for text, complaint := range map[string]string{
		"source: some":                            `c.yaml:7:18: images.source: "some" is not known`,
		"preload: [{}]":                           "c.yaml:7:20: images.preload[0]: has to have one of archive, layout and pull",
		"preload: [{archive: app.tar, pull: a}]":  "images.preload[0]: has to have one of archive, layout and pull",
		"preload: [{archive: none.tar}]":          `c.yaml:7:30: images.preload[0].archive: "none.tar" cannot be read: file does not exist`,
		"preload: [{archive: app}]":               `"app" is not a regular file`,
		"preload: [{layout: app.tar}]":            `images.preload[0].layout: "app.tar" is no directory`,
		"preload: [{layout: ../app}]":             `"../app" is not below the directory of the cluster file`,
		"preload: [{pull: a}, {layout: nowhere}]": `images.preload[1].layout: "nowhere" cannot be read: file does not exist`,
	} {
		_, err := cluster.Parse("c.yaml", []byte(head+"images: {"+text+"}\n"), sources())
		if err == nil || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
