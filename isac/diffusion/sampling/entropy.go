package sampling

// poolSize is how many words NumPy's SeedSequence mixes where torchsde uses it.
const poolSize = 24

// entropy is the first number that NumPy's SeedSequence (O'Neill's seed_seq_fe) gives for a seed and the place of a descendant: a hash of all
// their words.
func entropy(seed uint64, place ...uint32) uint32 {
	words := []uint32{uint32(seed)}
	if seed>>32 != 0 {
		words = append(words, uint32(seed>>32))
	}
	if len(place) > 0 {
		words = append(append(words, make([]uint32, poolSize-len(words))...), place...)
	}
	hash := hasher{0x43b0d7e5, 0x931e8875}
	var pool [poolSize]uint32
	for i := range pool {
		var w uint32
		if i < len(words) {
			w = words[i]
		}
		pool[i] = hash.of(w)
	}
	for from := range pool {
		for to := range pool {
			if from != to {
				pool[to] = mixed(pool[to], hash.of(pool[from]))
			}
		}
	}
	for _, w := range words[min(poolSize, len(words)):] {
		for to := range pool {
			pool[to] = mixed(pool[to], hash.of(w))
		}
	}
	out := hasher{0x8b51f9dd, 0x58f38ded}
	return out.of(pool[0])
}

// hasher is a multiplicative hash whose constant moves on with every word.
type hasher struct{ constant, factor uint32 }

func (h *hasher) of(w uint32) uint32 {
	w ^= h.constant
	h.constant *= h.factor
	w *= h.constant
	return w ^ w>>16
}

// mixed joins two words.
func mixed(x, y uint32) uint32 {
	w := 0xca01f9dd*x - 0x4973f715*y
	return w ^ w>>16
}
