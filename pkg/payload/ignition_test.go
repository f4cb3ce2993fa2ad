package payload_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ignition "github.com/coreos/ignition/v2/config"
	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/nodekiln/nodekiln/pkg/payload"
	"github.com/nodekiln/nodekiln/pkg/tool"
)

func TestIgnitionIsValid(t *testing.T) {
	cfg, _ := etcdMember(t)
	for name, cfg := range map[string]types.Config{"etcd": cfg, "everything": v3_4.Merge(cfg, everything(t))} {
		t.Run(name, func(t *testing.T) {
			b, err := payload.Ignition(cfg)
			if err != nil {
				t.Fatal(err)
			}
			if _, rep, err := ignition.Parse(b); err != nil || len(rep.Entries) > 0 {
				t.Errorf("%v: %s", err, rep)
			}
			again, err := payload.Ignition(cfg)
			if err != nil || !bytes.Equal(b, again) {
				t.Errorf("%v: the same config has other bytes", err)
			}
			for _, noise := range []string{"{}", "null", "/etc/machine-id"} {
				if strings.Contains(string(b), noise) {
					t.Errorf("it has %s: %s", noise, b)
				}
			}
		})
	}
}

func TestIgnitionValidateAccepts(t *testing.T) {
	need(t, "ignition-validate")
	cfg, _ := etcdMember(t)
	b, err := payload.Ignition(v3_4.Merge(cfg, everything(t)))
	if err != nil {
		t.Fatal(err)
	}
	// Version 2.14, which Debian 12 has, knows the specification by the name that it had before it was final.
	b = bytes.Replace(b, []byte(`"version":"3.4.0"`), []byte(`"version":"3.4.0-experimental"`), 1)
	file := filepath.Join(t.TempDir(), "ignition.json")
	for name, c := range map[string]struct {
		content []byte
		valid   bool
	}{
		"as it is":         {b, true},
		"a path twice":     {bytes.Replace(b, []byte("/srv/binary"), []byte("/srv/empty"), 1), false},
		"a relative path":  {bytes.Replace(b, []byte(`"/srv/empty"`), []byte(`"srv/empty"`), 1), false},
		"an impossible ID": {bytes.Replace(b, []byte(`"mode":384`), []byte(`"mode":"384"`), 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			said, err := tool.Cmd{Name: "ignition-validate", Args: []string{file}}.Output(t.Context())
			if (err == nil) != c.valid {
				t.Errorf("%v %s", err, said)
			}
		})
	}
}

func TestIgnitionRefusesAnInvalidConfig(t *testing.T) {
	if err := payload.CheckIgnition(types.Config{}); err == nil {
		t.Error("a config without a version is taken")
	}
}
