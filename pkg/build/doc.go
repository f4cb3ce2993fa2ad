// Package build carries a cluster file through all stages to images. It is the only package that knows them all:
//
//	cluster.yaml ──▶ cluster.Spec ──▶ plan.Plan ──▶ pki.Bundle ──▶ machine.Configurer ──▶ payload ──▶ media
//	(a person)       strict, all      pure: names,   cfssl; kept,   Butane → Ignition      a rootfs    a qcow2 overlay
//	                 errors at        addresses,     never made     types: the one         tree        or a standalone
//	                 once, with       roles,         again          form of a machine                  disk
//	                 line:column      settings                             base.Golden ────────────────▲
//
// The base has what package component gives beside its packages, programs from archives or built from Go modules, and the
// container images of package oci. What was built, package lab switches on and package verdict judges.
//
// Each arrow is a function from values to a value; only pki, component, oci, base, media and this package read and write. The
// same cluster file, bundle, base and version of nodekiln give the same bytes.
package build
