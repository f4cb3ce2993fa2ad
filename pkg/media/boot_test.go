package media

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBoot starts a baked disk under both kinds of firmware, as far as the boot loader: its configuration, which it has
// to find in the root file system, speaks on the serial line and switches the machine off.
func TestBoot(t *testing.T) {
	need(t, "qemu-system-x86_64")
	golden, _ := writeTestGolden(t, spec(t))
	disk, _ := overlayFile(t, bake(t, openGolden(t, golden), machine(t, "node1")), golden, "node1.qcow2")
	t.Run("BIOS", func(t *testing.T) { boot(t, disk, "pc") })
	t.Run("UEFI", func(t *testing.T) {
		const code, vars = "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"
		content, err := os.ReadFile(vars)
		if err != nil {
			missing(t, "OVMF")
		}
		own := filepath.Join(t.TempDir(), "vars.fd")
		if err := os.WriteFile(own, content, 0o600); err != nil {
			t.Fatal(err)
		}
		boot(t, disk, "efi", "-drive", "if=pflash,format=raw,readonly=on,file="+code, "-drive", "if=pflash,format=raw,file="+own)
	})
}

func boot(t *testing.T, disk, platform string, args ...string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var console bytes.Buffer
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", append([]string{
		"-accel", "tcg", "-m", "256", "-display", "none", "-nic", "none",
		"-serial", "stdio", "-no-reboot", "-snapshot", "-drive", "if=virtio,format=qcow2,file=" + disk,
	}, args...)...)
	cmd.Stdout, cmd.Stderr = &console, &console
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%q", err, console.String())
	}
	if !strings.Contains(console.String(), "read from the root of "+platform) {
		t.Fatalf("the boot loader did not speak:\n%q", console.String())
	}
}
