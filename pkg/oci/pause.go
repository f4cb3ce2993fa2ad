package oci

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"slices"
)

// pauseText is the machine code of the program that holds a pod's namespaces: it blocks all signals, and takes them one by
// one. A child that has ended is waited for, since it is process 1 of the pod's processes where they share a namespace, and
// orphans come to it. SIGTERM and SIGINT end it.
//
// x86-64, with the numbers of arch/x86/entry/syscalls/syscall_64.tbl in Linux. A system call has its number in rax and
// its arguments in rdi, rsi, rdx and r10; it changes rax, rcx and r11 alone.
func pauseText() []byte {
	return slices.Concat(
		// start:
		[]byte{0x6a, 0xff},                   // push -1: the set of all 64 signals
		[]byte{0x48, 0x89, 0xe3},             // mov rbx, rsp
		[]byte{0xbf, 0x02, 0x00, 0x00, 0x00}, // mov edi, SIG_SETMASK
		[]byte{0x48, 0x89, 0xde},             // mov rsi, rbx
		[]byte{0x31, 0xd2},                   // xor edx, edx: the old set is not wanted
		[]byte{0x41, 0xba, 0x08, 0, 0, 0},    // mov r10d, 8: bytes of a set
		[]byte{0xb8, 0x0e, 0x00, 0x00, 0x00}, // mov eax, SYS_rt_sigprocmask
		[]byte{0x0f, 0x05},                   // syscall
		// wait, at 0x1c:
		[]byte{0x48, 0x89, 0xdf},             // mov rdi, rbx
		[]byte{0x31, 0xf6},                   // xor esi, esi: nor what is known of the signal
		[]byte{0x31, 0xd2},                   // xor edx, edx: no limit of time
		[]byte{0x41, 0xba, 0x08, 0, 0, 0},    // mov r10d, 8
		[]byte{0xb8, 0x80, 0x00, 0x00, 0x00}, // mov eax, SYS_rt_sigtimedwait
		[]byte{0x0f, 0x05},                   // syscall: the signal, or less than 0
		[]byte{0x83, 0xf8, 0x11},             // cmp eax, SIGCHLD
		[]byte{0x74, 0x0c},                   // je reap
		[]byte{0x83, 0xf8, 0x0f},             // cmp eax, SIGTERM
		[]byte{0x74, 0x22},                   // je end
		[]byte{0x83, 0xf8, 0x02},             // cmp eax, SIGINT
		[]byte{0x74, 0x1d},                   // je end
		[]byte{0xeb, 0xdb},                   // jmp wait
		// reap, at 0x41:
		[]byte{0x48, 0x83, 0xcf, 0xff},       // or rdi, -1: any child
		[]byte{0x31, 0xf6},                   // xor esi, esi: its status is not wanted
		[]byte{0xba, 0x01, 0x00, 0x00, 0x00}, // mov edx, WNOHANG
		[]byte{0x45, 0x31, 0xd2},             // xor r10d, r10d: nor what it has used
		[]byte{0xb8, 0x3d, 0x00, 0x00, 0x00}, // mov eax, SYS_wait4
		[]byte{0x0f, 0x05},                   // syscall: its number, or 0 for none that has ended
		[]byte{0x85, 0xc0},                   // test eax, eax
		[]byte{0x7f, 0xe7},                   // jg reap
		[]byte{0xeb, 0xc0},                   // jmp wait
		// end, at 0x5c:
		[]byte{0x31, 0xff},                   // xor edi, edi
		[]byte{0xb8, 0xe7, 0x00, 0x00, 0x00}, // mov eax, SYS_exit_group
		[]byte{0x0f, 0x05},                   // syscall
	)
}

// pauseAddress is where the program is loaded: where linkers put programs for x86-64 (System V ABI, AMD64 supplement,
// 3.3.2).
const pauseAddress = 0x400000

// pauseProgram gives the program as a file: a header, two program headers, and the code.
func pauseProgram() []byte {
	text := pauseText()
	header, segment := binary.Size(elf.Header64{}), binary.Size(elf.Prog64{})
	begin := uint64(header + 2*segment)
	size := begin + uint64(len(text))
	h := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
		Entry: pauseAddress + begin, Phoff: uint64(header), Ehsize: uint16(header), Phentsize: uint16(segment), Phnum: 2,
	}
	load := elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: pauseAddress, Paddr: pauseAddress,
		Filesz: size, Memsz: size, Align: 0x1000,
	}
	// Without this the kernel would give it a stack that can be executed.
	stack := elf.Prog64{Type: uint32(elf.PT_GNU_STACK), Flags: uint32(elf.PF_R | elf.PF_W), Align: 16}
	var b bytes.Buffer
	for _, part := range []any{h, load, stack} {
		_ = binary.Write(&b, binary.LittleEndian, part) // a buffer takes all that has a fixed size
	}
	b.Write(text)
	return b.Bytes()
}
