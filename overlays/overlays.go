// Package overlays embeds the files that are laid over a bootstrapped root filesystem: base is for every distribution,
// the others for the one that they are named after. Each has an overlay.yaml that declares links, modes, owners and
// empty directories.
package overlays

import "embed"

// FS holds one directory for each overlay.
//
//go:embed all:base all:debian
var FS embed.FS
