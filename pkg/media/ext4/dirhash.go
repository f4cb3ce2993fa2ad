package ext4

import "math/bits"

// Hash versions of an index, DX_HASH_* of Documentation/filesystems/ext4/directory.rst. Whether names count as signed
// or unsigned characters is in the superblock's flags.
const (
	hashLegacy  = 0
	hashHalfMD4 = 1
	hashTea     = 2
)

// nameHash is the hash by which a name is found in an index; its lowest bit is clear. It is ext4fs_dirhash() of the
// kernel and ext2fs_dirhash2() of lib/ext2fs.
func (f *FS) nameHash(version uint8, name string) uint32 {
	state := [4]uint32{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476}
	if f.geo.hashSeed != [4]uint32{} {
		state = f.geo.hashSeed
	}
	char := func(c byte) uint32 { return uint32(int32(int8(c))) }
	if f.geo.hashUnsigned {
		char = func(c byte) uint32 { return uint32(c) }
	}
	var hash uint32
	switch version {
	case hashLegacy:
		hash = legacyHash(name, char)
	case hashHalfMD4:
		for ; len(name) > 0; name = name[min(32, len(name)):] {
			var in [8]uint32
			packName(in[:], name, char)
			halfMD4(&state, &in)
		}
		hash = state[1]
	case hashTea:
		for ; len(name) > 0; name = name[min(16, len(name)):] {
			var in [4]uint32
			packName(in[:], name, char)
			tea(&state, &in)
		}
		hash = state[0]
	}
	// The highest value stands for the end of a directory, EXT4_HTREE_EOF_32BIT.
	if hash &^= 1; hash == 0xFFFFFFFE {
		hash = 0xFFFFFFFC
	}
	return hash
}

func legacyHash(name string, char func(byte) uint32) uint32 {
	hash, before := uint32(0x12A3FE2D), uint32(0x37ABE8F9)
	for i := range len(name) {
		next := before + (hash ^ char(name[i])*7152373)
		if next&0x80000000 != 0 {
			next -= 0x7FFFFFFF
		}
		before, hash = hash, next
	}
	return hash << 1
}

// packName fills words with the next characters of a name, the first highest, and what is left with the name's length.
func packName(words []uint32, name string, char func(byte) uint32) {
	pad := uint32(len(name)) | uint32(len(name))<<8
	pad |= pad << 16
	for w := range words {
		words[w] = pad
		for i := 4 * w; i < min(4*w+4, len(name)); i++ {
			words[w] = char(name[i]) + words[w]<<8
		}
	}
}

// halfMD4 is the transformation of MD4, RFC 1320, with half of its input and half of its steps.
func halfMD4(state *[4]uint32, in *[8]uint32) {
	rounds := [3]struct {
		mix    func(x, y, z uint32) uint32
		add    uint32
		order  [8]int
		rotate [4]int
	}{
		{func(x, y, z uint32) uint32 { return z ^ x&(y^z) }, 0, [8]int{0, 1, 2, 3, 4, 5, 6, 7}, [4]int{3, 7, 11, 19}},
		{func(x, y, z uint32) uint32 { return x&y + (x^y)&z }, 0x5A827999, [8]int{1, 3, 5, 7, 0, 2, 4, 6}, [4]int{3, 5, 9, 13}},
		{func(x, y, z uint32) uint32 { return x ^ y ^ z }, 0x6ED9EBA1, [8]int{3, 7, 2, 6, 1, 5, 0, 4}, [4]int{3, 9, 11, 15}},
	}
	a, b, c, d := state[0], state[1], state[2], state[3]
	for _, r := range rounds {
		for i, word := range r.order {
			a = bits.RotateLeft32(a+r.mix(b, c, d)+in[word]+r.add, r.rotate[i%4])
			a, b, c, d = d, a, b, c
		}
	}
	state[0] += a
	state[1] += b
	state[2] += c
	state[3] += d
}

// tea is the Tiny Encryption Algorithm in 16 cycles, with the input as its key.
func tea(state *[4]uint32, key *[4]uint32) {
	const delta = 0x9E3779B9
	a, b, sum := state[0], state[1], uint32(0)
	for range 16 {
		sum += delta
		a += (b<<4 + key[0]) ^ (b + sum) ^ (b>>5 + key[1])
		b += (a<<4 + key[2]) ^ (a + sum) ^ (a>>5 + key[3])
	}
	state[0] += a
	state[1] += b
}
