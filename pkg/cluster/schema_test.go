package cluster_test

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/nodekiln/nodekiln/pkg/cluster"
)

// validator is a JSON Schema validator that has nothing in common with what writes the schema.
func validator(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := cluster.Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("cluster.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("cluster.json")
	if err != nil {
		t.Fatal(err)
	}
	if schema.DraftVersion != 2020 {
		t.Errorf("the draft is %d", schema.DraftVersion)
	}
	return schema
}

// validate validates YAML as an editor does: anchors followed, merge keys applied.
func validate(t *testing.T, schema *jsonschema.Schema, data []byte) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return schema.Validate(v)
}

func TestSchemaTakesWhatLoadTakes(t *testing.T) {
	schema := validator(t)
	for _, file := range files(t, "valid") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, schema, data); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	if err := validate(t, schema, documented(t)); err != nil {
		t.Errorf("doc.go: %v", err)
	}
}

// What an editor marks is never more than what Load refuses, and of these files it marks all.
func TestSchemaRefuses(t *testing.T) {
	schema := validator(t)
	for _, name := range []string{"files", "missing", "pki", "root-list", "machines", "prefix-ipv6", "prefix-none", "duration-number", "duration-unit"} {
		data, err := os.ReadFile(filepath.Join("testdata", "broken", name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if validate(t, schema, data) == nil {
			t.Errorf("%s is valid by the schema", name)
		}
	}
}

// Each of these is put into a valid file by itself, so that it alone is what the schema refuses.
func TestSchemaRefusesEachFault(t *testing.T) {
	const valid = `apiVersion: nodekiln.dev/v1
kind: Cluster
metadata: {name: lab}
profile: etcd
network: {machines: 10.1.10.0/24}
machines: [{name: a, address: 10.1.10.1, files: [{path: /a, contents: x}]}]
`
	schema := validator(t)
	if err := validate(t, schema, []byte(valid)); err != nil {
		t.Fatal(err)
	}
	faults := map[string][2]string{
		"unknown key":            {"profile: etcd", "profile: etcd\nspec: {}"},
		"unknown key in machine": {"name: a,", "name: a, ip: 10.1.10.1,"},
		"missing key":            {"kind: Cluster\n", ""},
		"other version":          {"nodekiln.dev/v1", "nodekiln.dev/v2"},
		"capital letter":         {"name: lab", "name: Lab"},
		"no list":                {"name: a,", "name: a, roles: etcd,"},
		"not enumerated":         {"profile: etcd", "profile: etcd\npki: {key: dsa}"},
		"out of bounds":          {"name: a,", "name: a, cpus: 0,"},
		"no size":                {"name: a,", "name: a, disk: 20GB,"},
		"number for a size":      {"name: a,", "name: a, disk: 20,"},
		"contents and source":    {"contents: x", "contents: x, source: y"},
		"no contents":            {"contents: x", "mode: 0644"},
		"no machines":            {"[{name: a, address: 10.1.10.1, files: [{path: /a, contents: x}]}]", "[]"},
		"list for a setting":     {"profile: etcd", "profile: etcd\nsettings: {a: [1]}"},
		"no version":             {"profile: etcd", "profile: etcd\nkubernetes: {version: latest}"},
		"no load balancer":       {"profile: etcd", "profile: etcd\nkubernetes: {loadBalancer: haproxy}"},
		"URL for an endpoint":    {"profile: etcd", "profile: etcd\nkubernetes: {endpoint: 'https://a'}"},
		"no network of pods":     {"10.1.10.0/24", "10.1.10.0/24, pods: 10"},
		"authority without key":  {"profile: etcd", "profile: etcd\npki: {authorities: {a: {certificate: ca.pem}}}"},
		"no addon":               {"profile: etcd", "profile: etcd\naddons: [a.yaml]"},
		"empty overlay":          {"profile: etcd", "profile: etcd\noverlays: ['']"},
		"key of no addition":     {"profile: etcd", "profile: etcd\nroles: {node: {disk: 20G}}"},
		"list for an argument":   {"profile: etcd", "profile: etcd\nargs: {kubelet: {v: [1]}}"},
		"unit without suffix":    {"profile: etcd", "profile: etcd\nunits: [{name: a, enabled: true}]"},
		"string for enabled":     {"profile: etcd", "profile: etcd\nunits: [{name: a.service, enabled: 'true'}]"},
		"two texts of a unit":    {"profile: etcd", "profile: etcd\nunits: [{name: a.service, contents: '[Unit]', source: a}]"},
		"drop-in without a text": {"profile: etcd", "profile: etcd\nunits: [{name: a.service, dropins: [{name: a.conf}]}]"},
		"other name of drop-in":  {"profile: etcd", "profile: etcd\nunits: [{name: a.service, dropins: [{name: a, contents: '[Unit]'}]}]"},
	}
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		data := strings.Replace(valid, faults[name][0], faults[name][1], 1)
		if data == valid {
			t.Fatalf("%s changes nothing", name)
		}
		if validate(t, schema, []byte(data)) == nil {
			t.Errorf("%s is valid by the schema", name)
		}
		var invalid *cluster.InvalidError
		if _, err := cluster.Parse("cluster.yaml", []byte(data), nil); !errors.As(err, &invalid) {
			t.Errorf("%s is valid by Parse: %v", name, err)
		}
	}
}

func TestSchemaGolden(t *testing.T) {
	text, err := cluster.Schema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/schema.json", text)
}
