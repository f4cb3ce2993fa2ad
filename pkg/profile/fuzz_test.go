package profile

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/nodekiln/nodekiln/profiles"
)

// FuzzRead reads any text as a profile. What is accepted must name only what is there.
func FuzzRead(f *testing.F) {
	for _, name := range Names() {
		b, err := fs.ReadFile(profiles.FS, name+"/"+fileName)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("name: p\nroles: &r {a: {}}\ndefaultRoles: [a]\ncertificates: [{name: x, kind: admin}]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Read(fstest.MapFS{fileName: {Data: text}, "a.bu": {}, "master.bu": {}, "addons/a.yaml": {}})
		if err != nil {
			return
		}
		for _, r := range p.DefaultRoles {
			if _, ok := p.Roles[r]; !ok {
				t.Errorf("there is no role %q", r)
			}
		}
		for name, s := range p.Settings {
			if err := s.Check(s.Default); err != nil {
				t.Errorf("setting %s: %v", name, err)
			}
		}
	})
}
