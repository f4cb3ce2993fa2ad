package base

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/nodekiln/nodekiln/overlays"
	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// formatVersion grows whenever this package or package media makes something else of the same recipe.
const formatVersion = 1

// The kernels that plan.Base names.
const (
	kernelGeneric = "generic"
	kernelCloud   = "cloud"
)

// recipe is all that decides what a base is, apart from the versions of the packages that the mirrors hold.
type recipe struct {
	base     plan.Base
	overlay  *tree.Tree
	with     contents
	modTime  time.Time
	digest   string
	identity identity
}

// contents are the digests of what the base has beside its packages, "" for nothing.
type contents struct{ programs, images string }

func newRecipe(b plan.Base, with contents, modTime time.Time) (*recipe, error) {
	if b.Debian == "" {
		return nil, fmt.Errorf("the base names no Debian release")
	}
	if b.Kernel != "" && b.Kernel != kernelGeneric && b.Kernel != kernelCloud {
		return nil, fmt.Errorf("kernel %q is neither %s nor %s", b.Kernel, kernelGeneric, kernelCloud)
	}
	if _, err := parseMirrors(b.Mirrors, b.Debian); err != nil {
		return nil, err
	}
	layers := []*tree.Tree{}
	for _, name := range []string{"base", "debian"} {
		sub, err := fs.Sub(overlays.FS, name)
		if err != nil {
			return nil, fmt.Errorf("open overlay %s: %w", name, err)
		}
		layer, err := tree.FromFS(sub, modTime, "overlay "+name)
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	r := &recipe{base: b, overlay: tree.Merge(layers...), with: with, modTime: modTime.UTC().Truncate(time.Second)}
	if err := r.sum(); err != nil {
		return nil, err
	}
	r.identity = newIdentity(r.digest)
	return r, nil
}

// packages gives the names of all packages that are asked for, sorted.
func (r *recipe) packages() []string {
	kernel := "linux-image-amd64"
	if r.base.Kernel == kernelCloud {
		kernel = "linux-image-cloud-amd64"
	}
	// Whatever each node needs: an init, a kernel with its drivers, a way in, the network, the time, and the roots of
	// trust. busybox-static is the initrd's userland and answers the power button; usr-is-merged keeps out usrmerge,
	// which would bring all of Perl.
	names := append([]string{
		"busybox-static", "ca-certificates", "iproute2", "iputils-ping", "kmod", "openssh-server", "procps",
		"systemd-sysv", "systemd-timesyncd", "udev", "usr-is-merged", kernel,
	}, r.base.Packages...)
	slices.Sort(names)
	return slices.Compact(names)
}

// sum sets the digest.
func (r *recipe) sum() error {
	var listing bytes.Buffer
	if err := tree.WriteManifest(&listing, r.overlay); err != nil {
		return err
	}
	// Marshalled fields keep their order, so the same recipe gives the same text.
	text, err := json.Marshal(struct {
		Format            int
		Release           string
		Mirrors, Packages []string
		Excluded, Modules []string
		Init, Grub        string
		Placeholders      string
		Setup             string
		ModTime           int64
		Overlay           string
		Programs          string `json:",omitempty"`
		Images            string `json:",omitempty"`
	}{
		formatVersion, r.base.Debian, r.base.Mirrors, r.packages(),
		excluded(), initrdModules(), initScript, grubTemplate, placeholders, setupScript, r.modTime.Unix(), listing.String(), r.with.programs, r.with.images,
	})
	if err != nil {
		return fmt.Errorf("describe the base: %w", err)
	}
	sum := sha256.Sum256(text)
	r.digest = hex.EncodeToString(sum[:])
	return nil
}
