# The boot sector of the tests' machine. It counts its boots in the second sector of the disk, which starts as
# "boot 0\r\n", prints that sector's text and then its own to the first serial port, and waits for the power button.
#
# as --32 -o guest.o guest.S && ld -m elf_i386 -N -Ttext 0x7c00 --oformat binary -o guest.bin guest.o
	.code16
	.set	COM1, 0x3f8
	.set	PM1_STS, 0x600		# where SeaBIOS puts the power management of q35
	.set	PM1_EN, 0x602
	.set	PM1_CNT, 0x604
	.set	BUFFER, 0x8000
	.set	TEXT, 0x7d00		# the second half of this sector
	.globl	_start
_start:
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7c00, %sp
	movb	%dl, drive

	movw	$0x0201, %ax		# read a sector
	call	sector
	incb	BUFFER+5
	movw	$0x0301, %ax		# write it
	call	sector
	movw	$BUFFER, %si
	call	print
	movw	$TEXT, %si
	call	print

	movw	$PM1_EN, %dx
	movw	$0x0100, %ax		# have the power button noticed
	outw	%ax, %dx
	sti
wait:
	hlt				# the clock ticks 18 times a second
	movw	$PM1_STS, %dx
	inw	%dx, %ax
	testb	$1, %ah
	jz	wait
	movw	$PM1_CNT, %dx
	movw	$0x2000, %ax		# soft off
	outw	%ax, %dx
	jmp	wait

sector:
	movw	$0x0002, %cx		# cylinder 0, sector 2
	movb	$0, %dh
	movb	drive, %dl
	movw	$BUFFER, %bx
	int	$0x13
	ret

print:
	lodsb
	testb	%al, %al
	jz	printed
	movb	%al, %ah
	movw	$COM1+5, %dx
ready:
	inb	%dx, %al
	testb	$0x20, %al
	jz	ready
	movb	%ah, %al
	movw	$COM1, %dx
	outb	%al, %dx
	jmp	print
printed:
	ret

drive:	.byte	0
