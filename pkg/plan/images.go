package plan

import (
	"cmp"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/kube"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

// Sources of the images that a profile wants.
const (
	// ImagesAuto is the first of the others that can be.
	ImagesAuto = "auto"
	// ImagesMade are put together from the base and the components.
	ImagesMade = "made"
	// ImagesPull are taken from their registries while building.
	ImagesPull = "pull"
	// ImagesNone are none: the machines take them from their registries.
	ImagesNone = "none"
)

// newImages gives the images that the profile wants for the cluster's version and addons.
func newImages(spec *cluster.Spec, prof *profile.Profile, p *Plan) Images {
	out := Images{Source: spec.Images.Source}
	for _, i := range prof.Images {
		if p.wants(i) {
			out.Wanted = append(out.Wanted, Image{i.Name, p.reference(i)})
		}
	}
	for _, l := range spec.Images.Preload {
		out.Preload = append(out.Preload, Preload(l))
	}
	return out
}

func (p *Plan) wants(i profile.Image) bool {
	if i.Addon != "" && !p.hasAddon(i.Addon) {
		return false
	}
	return concerns(i.Since, i.Until, p.Kubernetes)
}

// hasAddon tells whether the cluster has an addon of the profile.
func (p *Plan) hasAddon(name string) bool {
	for _, a := range p.Addons {
		if a.Name == name && a.Template != "" {
			return true
		}
	}
	return false
}

// reference gives what an image is called: by the setting that the profile has for it, else by what the profile says, and
// else by Kubernetes' own name for it in the repository that the cluster's images are in.
func (p *Plan) reference(i profile.Image) string {
	if said := cmp.Or(p.Settings[i.Setting], p.filled(i.Reference)); said != "" {
		return said
	}
	tag := p.filled(i.Tag)
	if p.Kubernetes != nil {
		tag = cmp.Or(tag, kube.ImageTag(i.Name, p.Kubernetes.Version))
	}
	return kube.Image(cmp.Or(p.Settings[profile.ImageRepository], kube.ImageRepository), i.Name, tag)
}

// filled puts the values of settings in the places of their names: "v{corednsVersion}".
func (p *Plan) filled(text string) string {
	for name, value := range p.Settings {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

// Reference gives that of an image by its name in the profile, "" where the cluster does not want it.
func (i Images) Reference(name string) string {
	for _, w := range i.Wanted {
		if w.Name == name {
			return w.Reference
		}
	}
	return ""
}
