package kube

import (
	"strings"
	"testing"
)

func FuzzParseVersion(f *testing.F) {
	for _, seed := range []string{"1.34.4", "v1.5", "1.", "99999.1", "-1.5.0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := ParseVersion(text)
		if err != nil {
			return
		}
		again, err := ParseVersion(v.String())
		if err != nil || again != v {
			t.Errorf("%q is %s, which is %s, %v", text, v, again, err)
		}
	})
}

func FuzzArgs(f *testing.F) {
	f.Add("kubelet", "1.34.4", "--fail-swap-on=false")
	f.Add("kube-apiserver", "1.9", "enable-admission-plugins=NodeRestriction,,")
	f.Add("kube-apiserver", "1.30", "admission-control=SecurityContextDeny")
	f.Add("etcd", "3.6", "enable-v2")
	f.Fuzz(func(t *testing.T, component, release, text string) {
		arg, err := ParseArg(text)
		if err != nil {
			return
		}
		if again, err := ParseArg(arg.String()); err != nil || again != arg {
			t.Errorf("%q is %s, which is %s, %v", text, arg, again, err)
		}
		c := Component(component)
		v, err := ParseComponentVersion(c, release)
		if err != nil {
			return
		}
		got, err := Args(c, v, []Arg{arg})
		if err != nil {
			return
		}
		for _, a := range got {
			if !alive(flagTable()[c][a.Name], v) {
				t.Errorf("%s %s has no %s", c, v, a)
			}
			if strings.ContainsAny(a.String(), "\n\r") {
				t.Errorf("%q has a line break", a)
			}
			// What a version takes, it takes again.
			again, err := Args(c, v, []Arg{a})
			if err != nil || len(again) != 1 || again[0] != a {
				t.Errorf("%s became %s, and that %v, %v", arg, a, again, err)
			}
		}
	})
}
