package lab

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// appCode is testdata/app.S, assembled.
const appCode = "488d351c000000ac84c0741488c466bafd03eca82074fb88e066baf803eeebe7f4ebfd"

// uefiApp makes a UEFI application that prints a text: a PE32+ image as the UEFI specification, section 2.1.1, wants it.
func uefiApp(t *testing.T, text string) []byte {
	t.Helper()
	code, err := hex.DecodeString(appCode)
	if err != nil {
		t.Fatal(err)
	}
	const page, block = 0x1000, 0x200
	var b bytes.Buffer
	b.WriteString("MZ")
	b.Write(make([]byte, 0x3c-b.Len()))
	for _, header := range []any{
		uint32(0x40), []byte("PE\x00\x00"),
		pe.FileHeader{
			Machine: pe.IMAGE_FILE_MACHINE_AMD64, NumberOfSections: 1,
			SizeOfOptionalHeader: uint16(binary.Size(pe.OptionalHeader64{})),
			Characteristics:      pe.IMAGE_FILE_EXECUTABLE_IMAGE | pe.IMAGE_FILE_LARGE_ADDRESS_AWARE,
		},
		pe.OptionalHeader64{
			Magic: 0x20b, SizeOfCode: block, AddressOfEntryPoint: page, BaseOfCode: page, SectionAlignment: page, FileAlignment: block,
			SizeOfImage: 2 * page, SizeOfHeaders: block, Subsystem: pe.IMAGE_SUBSYSTEM_EFI_APPLICATION, NumberOfRvaAndSizes: 16,
		},
		pe.SectionHeader32{
			Name: [8]uint8{'.', 't', 'e', 'x', 't'}, VirtualSize: block, VirtualAddress: page, SizeOfRawData: block, PointerToRawData: block,
			Characteristics: pe.IMAGE_SCN_CNT_CODE | pe.IMAGE_SCN_MEM_EXECUTE | pe.IMAGE_SCN_MEM_READ,
		},
	} {
		if err := binary.Write(&b, binary.LittleEndian, header); err != nil {
			t.Fatal(err)
		}
	}
	b.Write(make([]byte, block-b.Len()))
	b.Write(code)
	b.WriteString(text)
	b.Write(make([]byte, 2*block-b.Len()))
	return b.Bytes()
}

func TestMachineBootsUnderUEFI(t *testing.T) {
	need(t, "mformat", "mmd", "mcopy")
	if _, err := findUEFI("/"); err != nil && os.Getenv("NODEKILN_CONFORMANCE") != "1" {
		t.Skip(err)
	}
	m := tinyMachines(t, "")[0]
	m.Memory = 128 << 20
	app := filepath.Join(t.TempDir(), "app.efi")
	if err := os.WriteFile(app, uefiApp(t, tinyHealthy), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(m.Disk); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"mformat", "-C", "-i", m.Disk, "-T", "8192", "-h", "16", "-s", "32", "::"},
		{"mmd", "-i", m.Disk, "::/EFI", "::/EFI/BOOT"},
		{"mcopy", "-i", m.Disk, app, "::/EFI/BOOT/BOOTX64.EFI"},
	} {
		if said, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, said)
		}
	}
	o := options(t)
	o.Firmware = "uefi"
	tail := healthy(t, start(t, []Machine{m}, o))[0].ConsoleTail
	if !slices.ContainsFunc(tail, func(line string) bool { return strings.Contains(line, "BdsDxe: starting") }) {
		t.Errorf("the firmware does not show up on the console: %q", tail)
	}
	if _, err := os.Stat(filepath.Join(o.StateDir, "node1.vars.fd")); err != nil {
		t.Error(err)
	}
}

func TestDiskWithoutLoaderIsDeadUnderUEFI(t *testing.T) {
	if _, err := findUEFI("/"); err != nil && os.Getenv("NODEKILN_CONFORMANCE") != "1" {
		t.Skip(err)
	}
	machines := tinyMachines(t, tinyHealthy)
	machines[0].Memory = 128 << 20
	o := options(t)
	o.Firmware = "uefi"
	results, err := start(t, machines, o).WaitHealthy(t.Context())
	if err == nil || !deathPattern.MatchString(results[0].Text) {
		t.Errorf("%+v, %v", results, err)
	}
}

func TestUEFIIsFoundWhereDistributionsKeepIt(t *testing.T) {
	root := t.TempDir()
	_, err := findUEFI(root)
	for _, want := range []string{"apt-get install ovmf", "dnf install edk2-ovmf", root + "/usr/share/OVMF/OVMF_CODE_4M.fd"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
	// The later ones are preferred.
	for _, build := range [][2]string{
		{"usr/share/edk2/ovmf/OVMF_CODE.cc.fd", "usr/share/edk2/ovmf/OVMF_VARS.fd"},
		{"usr/share/edk2/ovmf/OVMF_CODE.fd", "usr/share/edk2/ovmf/OVMF_VARS.fd"},
		{"usr/share/OVMF/OVMF_CODE.fd", "usr/share/OVMF/OVMF_VARS.fd"},
		{"usr/share/OVMF/OVMF_CODE_4M.fd", "usr/share/OVMF/OVMF_VARS_4M.fd"},
	} {
		for _, file := range build {
			path := filepath.Join(root, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want := uefi{code: filepath.Join(root, build[0]), vars: filepath.Join(root, build[1])}
		if got, err := findUEFI(root); err != nil || got != want {
			t.Errorf("%v, %v, not %v", got, err, want)
		}
	}
}
