package machine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"text/template"

	"github.com/coreos/butane/config"
	"github.com/coreos/butane/config/common"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/coreos/vcontext/report"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// bundleSuffix is that of the directory beside a cluster file that holds the cluster's keys.
const bundleSuffix = ".pki"

// parse parses the files below a directory, or one file, as templates that are named by their path. The keys of a cluster
// whose file is in the directory are none.
func parse(t *template.Template, dir fs.FS, root string) error {
	return fs.WalkDir(dir, root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read template: %w", err)
		}
		if d.IsDir() && path.Ext(p) == bundleSuffix {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		b, err := fs.ReadFile(dir, p)
		if err != nil {
			return fmt.Errorf("read template: %w", err)
		}
		if _, err := t.New(p).Parse(string(b)); err != nil {
			return fmt.Errorf("parse template: %w", err)
		}
		return nil
	})
}

// execution is the templates, bound to one machine.
type execution struct {
	templates *template.Template
	data      Data
	// taken are the components whose flags of the user's the templates have asked for.
	taken map[string]bool
}

func (c *Configurer) forMachine(m plan.Machine) (execution, error) {
	t, err := c.templates.Clone()
	if err != nil {
		return execution{}, err
	}
	e := execution{templates: t, data: Data{Plan: c.plan, Machine: m}, taken: map[string]bool{}}
	t.Funcs(functions{templates: t, data: e.data, bundle: c.bundle, depth: new(int), taken: e.taken}.all())
	return e, nil
}

// translate executes one template and translates what it gives from Butane to Ignition.
func translate(t *template.Template, name string, data Data) (types.Config, error) {
	butane, err := execute(t, name, data)
	if err != nil {
		return types.Config{}, err
	}
	cfg, err := ignition(butane)
	if err != nil {
		return types.Config{}, fmt.Errorf("%s, as executed: %w", name, err)
	}
	return cfg, nil
}

// maxExecuted is how many bytes a template may make: more than any machine's files, and less than memory.
const maxExecuted = 64 << 20

// execute executes a template of the set.
func execute(t *template.Template, name string, data Data) ([]byte, error) {
	var out limitedBuffer
	err := t.ExecuteTemplate(&out, name, data)
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		return nil, refused
	} else if err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// refusal is the error of a template that calls the function fail: it says what the cluster file asks for in vain, and
// where templates say so tells its writer nothing.
type refusal struct{ message string }

func (r *refusal) Error() string { return r.message }

// limitedBuffer refuses to hold more than maxExecuted bytes.
type limitedBuffer struct{ bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxExecuted {
		return 0, fmt.Errorf("the template makes more than %d MiB", maxExecuted>>20)
	}
	return b.Buffer.Write(p)
}

// ignition translates a Butane config.
func ignition(butane []byte) (types.Config, error) {
	options := common.TranslateBytesOptions{Raw: true}
	options.NoResourceAutoCompression = true // the same bytes from every version of the compressor
	translated, rep, err := config.TranslateBytes(butane, options)
	if err := problems(rep, err); err != nil {
		return types.Config{}, err
	}
	// Butane has validated what it gives: v3_4.Parse would do all of that again.
	var cfg types.Config
	if err := json.Unmarshal(translated, &cfg); err != nil {
		return types.Config{}, err
	}
	if want := types.MaxVersion.String(); cfg.Ignition.Version != want {
		return types.Config{}, fmt.Errorf("its variant and version make a config of Ignition %s, not %s, as version 1.1.0 of the variant flatcar and 1.5.0 of fcos do",
			cfg.Ignition.Version, want)
	}
	return cfg, nil
}

// problems makes an error of a translation's report. Warnings are errors too: a key that is not known is one, and what
// it was to do would be missing from the machine.
func problems(rep report.Report, err error) error {
	var lines []string
	for _, e := range rep.Entries {
		if e.Kind != report.Info {
			lines = append(lines, e.String())
		}
	}
	if len(lines) == 0 {
		return err
	}
	return errors.New(strings.Join(lines, "; "))
}
