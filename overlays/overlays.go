// Package overlays embeds the files that are laid over root filesystems: base is for every one that is bootstrapped,
// debian for those of Debian; centos and deepin are what profiles lay over their machines. Each can have an overlay.yaml
// that declares links, modes, owners and empty directories.
package overlays

import "embed"

// FS holds one directory for each overlay.
//
//go:embed all:base all:centos all:debian all:deepin
var FS embed.FS
