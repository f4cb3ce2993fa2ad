package cluster

import "github.com/invopop/jsonschema"

// These are the kinds of text that the cluster file is written in. Each tells an editor what it looks like; the checks
// of their values are stricter, and stand with what they are made into.
type (
	labelText        string
	nameRangeText    string
	addressRangeText string
	macRangeText     string
	prefixText       string
	ipv4Text         string
	durationText     string
	sizeText         string
	packageText      string
	accountText      string
	pathText         string
	sourceText       string
	addonText        string
	endpointText     string
	unitText         string
	dropInText       string
	// versionText keeps the digits of a number: 1.30 is another version than 1.3.
	versionText string
	// modeText keeps the digits of an octal number: YAML 1.1 and 1.2 disagree on what 0644 is.
	modeText string
	// scalarText keeps any scalar as it is written.
	scalarText string
)

func (labelText) JSONSchema() *jsonschema.Schema {
	return patternSchema(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`, "linux-node1")
}

func (nameRangeText) JSONSchema() *jsonschema.Schema {
	return patternSchema(`^[a-z0-9\[]([a-z0-9,\[\]-]*[a-z0-9\]])?$`, "linux-node1", "node[1-3]", "rack[1-2]-node[01-12]")
}

func (addressRangeText) JSONSchema() *jsonschema.Schema {
	return patternSchema(`^[0-9.,\[\]-]+$`, "10.1.10.101", "10.1.10.[102-104]")
}

func (macRangeText) JSONSchema() *jsonschema.Schema {
	return patternSchema(`^[0-9A-Fa-f:,\[\]-]+$`, "52:54:00:01:0a:65", "52:54:00:01:0a:[66-68]")
}

func (prefixText) JSONSchema() *jsonschema.Schema {
	return patternSchema(`^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$`, "10.1.10.0/24")
}

func (ipv4Text) JSONSchema() *jsonschema.Schema {
	return patternSchema(`^[0-9]{1,3}(\.[0-9]{1,3}){3}$`, "10.1.10.1")
}

func (durationText) JSONSchema() *jsonschema.Schema {
	return patternSchema(`^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$`, "8760h", "365d")
}

func (sizeText) JSONSchema() *jsonschema.Schema {
	return patternSchema(`^[1-9][0-9]*([KMGT](i|iB)?)$`, "20G", "512M")
}

func (packageText) JSONSchema() *jsonschema.Schema {
	return patternSchema(packagePattern, "tcpdump")
}

func (accountText) JSONSchema() *jsonschema.Schema {
	return patternSchema(accountPattern)
}

func (pathText) JSONSchema() *jsonschema.Schema {
	return patternSchema(`^/`, "/etc/motd")
}

func (sourceText) JSONSchema() *jsonschema.Schema {
	minimum := uint64(1)
	return &jsonschema.Schema{Type: "string", MinLength: &minimum}
}

func (addonText) JSONSchema() *jsonschema.Schema {
	return patternSchema(`/|^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`, "coredns", "./site/metallb.yaml")
}

func (endpointText) JSONSchema() *jsonschema.Schema {
	return patternSchema(`^[a-z0-9.-]+(:[0-9]{1,5})?$`, "api.example.com:6443")
}

func (unitText) JSONSchema() *jsonschema.Schema {
	return patternSchema(unitPattern, "backup.timer")
}

func (dropInText) JSONSchema() *jsonschema.Schema {
	return patternSchema(dropInPattern, "10-limits.conf")
}

// JSONSchema takes a number too: that is what an editor makes of 1.34 without quotes.
func (versionText) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		patternSchema(versionPattern, "1.34.4"),
		{Type: "number"},
	}}
}

// JSONSchema takes a number too: that is what an editor makes of 0644 without quotes.
func (modeText) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		patternSchema(`^0o?[0-7]{1,3}$`, "0644"),
		{Type: "integer"},
	}}
}

func (scalarText) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}}
}

func patternSchema(pattern string, examples ...any) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: pattern, Examples: examples}
}
