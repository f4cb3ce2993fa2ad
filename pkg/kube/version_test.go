package kube

import (
	"encoding/json"
	"testing"
)

func TestParseVersion(t *testing.T) {
	for text, want := range map[string]string{
		"1.34.4": "1.34.4", "v1.34.4": "1.34.4", "1.34": "1.34.0", "1.5": "1.5.0", "1.36.99": "1.36.99",
		"1.4.9": "", "1.37": "", "2.0": "", "": "", "1": "", "1.34.4-rc.1": "", "1.34.": "", "1.34.4 ": "", "1.٣": "", "1.99999": "",
	} {
		v, err := ParseVersion(text)
		if want == "" {
			if err == nil {
				t.Errorf("%q is %s, want an error", text, v)
			}
			continue
		}
		if err != nil || v.String() != want {
			t.Errorf("%q is %s, %v; want %s", text, v, err, want)
		}
	}
}

func TestVersionText(t *testing.T) {
	b, err := json.Marshal(struct{ V Version }{Version{1, 34, 4}})
	if err != nil || string(b) != `{"V":"1.34.4"}` {
		t.Errorf("got %s, %v", b, err)
	}
	var v struct{ V Version }
	if err := json.Unmarshal(b, &v); err != nil || v.V != (Version{1, 34, 4}) {
		t.Errorf("got %v, %v", v, err)
	}
	if err := json.Unmarshal([]byte(`{"V":"1.2"}`), &v); err == nil {
		t.Error("1.2 is not known")
	}
}

func TestAtLeast(t *testing.T) {
	for minor, want := range map[string]bool{"1.5": true, "1.9": true, "1.24": true, "1.24.3": true, "1.24.4": false, "1.25": false, "2.0": false} {
		if (Version{1, 24, 3}).AtLeast(minor) != want {
			t.Errorf("1.24.3 at least %s: want %v", minor, want)
		}
	}
}

func TestParseComponentVersion(t *testing.T) {
	for _, test := range []struct {
		component Component
		text      string
		ok        bool
	}{
		{Etcd, "3.4.23", true},
		{Etcd, "2.3", true},
		{Etcd, "3.7", false},
		{Etcd, "2.2", false},
		{Etcd, "4.0", false},
		{Etcd, "1.34", false},
		{Flanneld, "0.7.1", true},
		{Flanneld, "0.28.4", true},
		{Flanneld, "0.4", false},
		{Flanneld, "1.0", false},
		{Kubelet, "1.34", true},
		{Kubelet, "3.4", false},
	} {
		if _, err := ParseComponentVersion(test.component, test.text); (err == nil) != test.ok {
			t.Errorf("%s %s: %v", test.component, test.text, err)
		}
	}
}

func TestParseArg(t *testing.T) {
	for text, want := range map[string]Arg{
		"name=value":              {"name", "value"},
		"--name=value":            {"name", "value"},
		"-v=2":                    {"v", "2"},
		"--name":                  {"name", "true"},
		"--name=":                 {"name", ""},
		"--a=b=c":                 {"a", "b=c"},
		"--bind_address=0.0.0.0":  {"bind-address", "0.0.0.0"},
		"":                        {},
		"--":                      {},
		"--=x":                    {},
		"---a=b":                  {},
		"two words=1":             {},
		"--a=b\nExecStartPre=boo": {},
	} {
		got, err := ParseArg(text)
		if (err != nil) != (want == Arg{}) || got != want {
			t.Errorf("%q: got %+v, %v; want %+v", text, got, err, want)
		}
	}
}
