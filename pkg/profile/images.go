package profile

import (
	"fmt"
	"regexp"

	"github.com/nodekiln/nodekiln/pkg/kube"
)

// settingName is the name of a setting in the place of its value.
var settingName = regexp.MustCompile(`\{([^}]*)\}`)

// images checks that what they are called can be told, and that what they depend on is there.
func (c *checker) images() {
	for i, image := range c.Images {
		bad := func(format string, args ...any) { c.badf("images[%d].%s", i, fmt.Sprintf(format, args...)) }
		if !entryName.MatchString(image.Name) {
			bad("name: %q is to be lower-case letters, digits and hyphens", image.Name)
		}
		asked := false
		if c.Kubernetes != nil {
			version, err := kube.ParseVersion(c.Kubernetes.Version)
			asked = err == nil && kube.ImageTag(image.Name, version) != ""
		}
		switch {
		case image.Tag != "" && image.Reference != "":
			bad("reference: there is a tag too, which is for an image in the repository of Kubernetes")
		case image.Tag == "" && image.Reference == "" && image.Setting == "" && !asked:
			bad("tag: missing, and package kube knows none for %s", image.Name)
		}
		for _, found := range settingName.FindAllStringSubmatch(image.Tag+image.Reference, -1) {
			if _, ok := c.Settings[found[1]]; !ok {
				bad("tag: no setting is called %q", found[1])
			}
		}
		if _, ok := c.Settings[image.Setting]; image.Setting != "" && !ok {
			bad("setting: no setting is called %q", image.Setting)
		}
		if _, ok := c.Addons[image.Addon]; image.Addon != "" && !ok {
			bad("addon: no addon is called %q", image.Addon)
		}
		if image.Since != "" {
			c.version(fmt.Sprintf("images[%d].since", i), image.Since)
		}
		if image.Until != "" {
			c.version(fmt.Sprintf("images[%d].until", i), image.Until)
		}
	}
}
