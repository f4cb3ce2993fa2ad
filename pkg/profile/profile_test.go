package profile

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
)

func TestEmbeddedProfilesAreWhole(t *testing.T) {
	names := Names()
	if len(names) == 0 {
		t.Fatal("no profile is embedded")
	}
	for _, name := range names {
		p, err := Load(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if p.Name != name {
			t.Errorf("the profile in %s calls itself %s", name, p.Name)
		}
	}
}

func TestUnknown(t *testing.T) {
	for _, name := range []string{"etdc", "./none"} {
		if _, err := Load(name); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadTellsWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct{ yaml, want string }{
		"unknown key":  {"name: x\ncolour: red\n", "field colour not found"},
		"no template":  {"name: x\nroles: {a: {}}\n", "a.bu is missing"},
		"default role": {"name: x\ndefaultRoles: [b]\n", `no role is called "b"`},
		"authority":    {"name: x\ncertificates: [{name: c, authority: z}]\n", `no authority is called "z"`},
		"role":         {"name: x\nauthorities: [{name: z}]\ncertificates: [{name: c, authority: z, role: r}]\n", `no role is called "r"`},
		"usage":        {"name: x\nauthorities: [{name: z}]\ncertificates: [{name: c, authority: z, usages: [sign]}]\n", "neither server nor client"},
		"setting":      {"name: x\nsettings: {n: {default: a, pattern: '[0-9]+'}}\n", `"a" does not match`},
		"empty":        {"", "name: missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(fstest.MapFS{fileName: {Data: []byte(c.yaml)}})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
