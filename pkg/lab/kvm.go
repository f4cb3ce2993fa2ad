package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/nodekiln/nodekiln/pkg/tool"
)

// kvmDevice is the kernel's interface to hardware virtualization: Documentation/virt/kvm/api.rst.
const kvmDevice = "/dev/kvm"

// probeLimit is what a guest that does next to nothing may take. It needs a tenth of a second where KVM works.
const probeLimit = 4 * time.Second

// probeEnded is what QEMU exits with when the guest has written probeWord to the debug exit port: (probeWord << 1) | 1.
const (
	probeWord  = 0x10
	probeEnded = probeWord<<1 | 1
)

// probeKVM finds out whether KVM really runs guests, and gives the reason if not. A device that can be opened proves
// nothing: inside another virtual machine a guest may hang in its firmware or run a thousand times too slowly. So a
// guest is run, which takes at most a few seconds.
func probeKVM(ctx context.Context, qemu, device string) error {
	f, err := os.OpenFile(device, os.O_RDWR, 0)
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%w (members of the group kvm may)", err)
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "nodekiln-kvm-")
	if err != nil {
		return fmt.Errorf("make a guest to probe KVM with: %w", err)
	}
	defer os.RemoveAll(dir)
	image := filepath.Join(dir, "guest.img")
	if err := os.WriteFile(image, probeDisk(), 0o600); err != nil {
		return fmt.Errorf("make a guest to probe KVM with: %w", err)
	}
	return runProbe(ctx, qemu, image, "-accel", "kvm", "-cpu", "host")
}

func runProbe(ctx context.Context, qemu, image string, accel ...string) error {
	// One second more for QEMU itself to start and to end.
	slow := fmt.Errorf("a guest that does nothing has not come to its end within %v", probeLimit)
	limited, cancel := context.WithTimeoutCause(ctx, probeLimit+time.Second, slow)
	defer cancel()
	// A crash of QEMU may leave a core dump where it runs.
	run := tool.Cmd{Name: qemu, Dir: filepath.Dir(image), Args: append(accel,
		"-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35", "-m", "64",
		"-drive", "if=none,id=disk,format=raw,readonly=on,file="+escape(image), "-device", "virtio-blk-pci,drive=disk",
		"-device", "isa-debug-exit,iobase=0x501,iosize=2",
	)}
	ended := make(chan error, 1)
	go func() { ended <- run.Run(limited) }()
	var err error
	select {
	case err = <-ended:
	case <-limited.Done():
		// A process that hangs inside the kernel does not even end when it is killed: it is not waited for.
		err = context.Cause(limited)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == probeEnded {
		return nil
	}
	var failed *tool.Error
	switch {
	case err == nil:
		err = errors.New("it has switched itself off instead of reporting")
	case errors.As(err, &failed):
		// The command is of no use to anybody, as its image is removed.
		said, _, _ := strings.Cut(failed.Output, "\n")
		err = fmt.Errorf("%w: %s", failed.Err, said)
	}
	return fmt.Errorf("run a guest: %w", err)
}

// probeDisk is a disk that boots under BIOS, works a little, and ends QEMU by its debug exit device.
func probeDisk() []byte {
	// SeaBIOS takes no disk that is smaller than a cylinder.
	disk := make([]byte, 1<<20)
	copy(disk, []byte{
		0xfa,                               // cli
		0x66, 0xb9, 0x00, 0x00, 0x00, 0x01, // mov $0x1000000, %ecx: an instant, or an hour where all is emulated
		0x66, 0x49, // dec %ecx
		0x75, 0xfc, // jnz to the dec
		0xba, 0x01, 0x05, // mov $0x501, %dx: the port of isa-debug-exit
		0xb0, probeWord, // mov $probeWord, %al
		0xee,       // out %al, %dx
		0xf4,       // hlt
		0xeb, 0xfd, // jmp to the hlt
	})
	copy(disk[510:], []byte{0x55, 0xaa}) // the mark of a boot sector
	return disk
}
