package base

import (
	"bytes"
	_ "embed"
	"fmt"
	"text/template"
)

// grubTemplate is a text/template of grub.cfg. The boot loader has found the root filesystem before it reads it.
//
//go:embed grub.cfg
var grubTemplate string

// grubConfig gives /boot/grub/grub.cfg for a kernel and initrd of that version below /boot.
func grubConfig(fsUUID, kernelVersion string) ([]byte, error) {
	t, err := template.New("grub.cfg").Parse(grubTemplate)
	if err != nil {
		return nil, fmt.Errorf("write grub.cfg: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, struct{ UUID, Kernel string }{fsUUID, kernelVersion}); err != nil {
		return nil, fmt.Errorf("write grub.cfg: %w", err)
	}
	return b.Bytes(), nil
}
