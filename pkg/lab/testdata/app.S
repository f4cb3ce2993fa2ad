# The UEFI application of the tests' machine: it prints the text behind it to the first serial port, and halts.
#
# as --64 -o app.o app.S && ld -N -Ttext 0 --oformat binary -o app.bin app.o
	.set	COM1, 0x3f8
	.globl	_start
_start:
	leaq	text(%rip), %rsi
next:
	lodsb
	testb	%al, %al
	jz	halt
	movb	%al, %ah
	movw	$COM1+5, %dx
ready:
	inb	%dx, %al
	testb	$0x20, %al
	jz	ready
	movb	%ah, %al
	movw	$COM1, %dx
	outb	%al, %dx
	jmp	next
halt:
	hlt
	jmp	halt
text:
