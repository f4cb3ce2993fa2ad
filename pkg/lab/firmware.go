package lab

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// uefi is a build of OVMF: its code, and what its variables are before anything has been stored in them.
type uefi struct {
	code, vars string
}

// findUEFI looks below root for OVMF in the places of the distributions. All are builds without System Management
// Mode, which would need another machine type.
func findUEFI(root string) (uefi, error) {
	builds := []uefi{
		// Debian, Ubuntu; before 2023 in images of 2 MiB.
		{"usr/share/OVMF/OVMF_CODE_4M.fd", "usr/share/OVMF/OVMF_VARS_4M.fd"},
		{"usr/share/OVMF/OVMF_CODE.fd", "usr/share/OVMF/OVMF_VARS.fd"},
		// Fedora; CentOS has beside the one for secure boot only that for confidential computing.
		{"usr/share/edk2/ovmf/OVMF_CODE.fd", "usr/share/edk2/ovmf/OVMF_VARS.fd"},
		{"usr/share/edk2/ovmf/OVMF_CODE.cc.fd", "usr/share/edk2/ovmf/OVMF_VARS.fd"},
		// Arch Linux, openSUSE.
		{"usr/share/edk2/x64/OVMF_CODE.4m.fd", "usr/share/edk2/x64/OVMF_VARS.4m.fd"},
		{"usr/share/qemu/ovmf-x86_64-code.bin", "usr/share/qemu/ovmf-x86_64-vars.bin"},
	}
	var tried []string
	for _, b := range builds {
		b.code, b.vars = filepath.Join(root, b.code), filepath.Join(root, b.vars)
		if isFile(b.code) && isFile(b.vars) {
			return b, nil
		}
		tried = append(tried, b.code)
	}
	return uefi{}, errors.New("no UEFI firmware for QEMU: on Debian and Ubuntu run 'apt-get install ovmf', " +
		"on CentOS and Fedora 'dnf install edk2-ovmf'; looked for " + strings.Join(tried, ", "))
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
