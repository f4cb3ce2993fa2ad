// Package machine makes a machine's configuration: the profile's Butane templates, executed with the plan and the
// machine's own secrets, translated to one Ignition config.
package machine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"text/template"

	"github.com/coreos/butane/config"
	"github.com/coreos/butane/config/common"
	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/coreos/vcontext/report"

	"github.com/nodekiln/nodekiln/pkg/pki"
	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
	"github.com/nodekiln/nodekiln/profiles"
)

// identityTemplate is the Butane template of what every machine is given, whatever its profile.
const identityTemplate = "machine.bu"

// Configurer makes the configurations of a plan's machines. It can be used by many goroutines at once.
type Configurer struct {
	plan   *plan.Plan
	bundle *pki.Bundle
	// templates by directory: the one of every machine, then the profile's.
	common, profile *template.Template
}

// NewConfigurer parses the profile's templates.
func NewConfigurer(p *plan.Plan, prof *profile.Profile, bundle *pki.Bundle) (*Configurer, error) {
	c := &Configurer{plan: p, bundle: bundle}
	var err error
	if c.common, err = parse(profiles.FS, identityTemplate); err != nil {
		return nil, err
	}
	if c.profile, err = parse(prof.FS, "*"); err != nil {
		return nil, fmt.Errorf("profile %s: %w", prof.Name, err)
	}
	return c, nil
}

// parse parses the files of a directory as templates that are named like them.
func parse(dir fs.FS, pattern string) (*template.Template, error) {
	t := template.New("").Option("missingkey=error").Funcs(functions{}.all())
	names, err := fs.Glob(dir, pattern)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if info, err := fs.Stat(dir, name); err != nil {
			return nil, fmt.Errorf("read template: %w", err)
		} else if info.IsDir() {
			continue
		}
		b, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, fmt.Errorf("read template: %w", err)
		}
		if _, err := t.New(name).Parse(string(b)); err != nil {
			return nil, fmt.Errorf("parse template: %w", err)
		}
	}
	return t, nil
}

// Configure gives the Ignition config of one machine: what every machine is given, and each of its roles over it.
func (c *Configurer) Configure(m plan.Machine) (types.Config, error) {
	cfg, err := c.translate(c.common, identityTemplate, m)
	if err != nil {
		return types.Config{}, fmt.Errorf("machine %s: %w", m.Name, err)
	}
	for _, role := range m.Roles {
		over, err := c.translate(c.profile, role+".bu", m)
		if err != nil {
			return types.Config{}, fmt.Errorf("machine %s, role %s: %w", m.Name, role, err)
		}
		cfg = v3_4.Merge(cfg, over)
	}
	return cfg, nil
}

// translate executes one template and translates what it gives from Butane to Ignition.
func (c *Configurer) translate(t *template.Template, name string, m plan.Machine) (types.Config, error) {
	t, err := t.Clone()
	if err != nil {
		return types.Config{}, err
	}
	data := Data{Plan: c.plan, Machine: m}
	t.Funcs(functions{templates: t, data: data, bundle: c.bundle}.all())
	var butane bytes.Buffer
	if err := t.ExecuteTemplate(&butane, name, data); err != nil {
		return types.Config{}, err
	}
	options := common.TranslateBytesOptions{Raw: true}
	options.NoResourceAutoCompression = true // the same bytes from every version of the compressor
	ignition, rep, err := config.TranslateBytes(butane.Bytes(), options)
	if err := problems(rep, err); err != nil {
		return types.Config{}, fmt.Errorf("%s: %w", name, err)
	}
	// Butane has validated what it gives: v3_4.Parse would do all of that again.
	var cfg types.Config
	if err := json.Unmarshal(ignition, &cfg); err != nil {
		return types.Config{}, fmt.Errorf("%s: %w", name, err)
	}
	if want := types.MaxVersion.String(); cfg.Ignition.Version != want {
		return types.Config{}, fmt.Errorf("%s: its variant and version make a config of Ignition %s, not %s, as version 1.1.0 of the variant flatcar does",
			name, cfg.Ignition.Version, want)
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
