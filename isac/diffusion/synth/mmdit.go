package synth

// mmditSize are the sizes of Stable Diffusion 3's transformer.
type mmditSize struct {
	width     int64 // of a token, 64 for each head
	blocks    int
	dual      int   // how many of the blocks, from the first, have a second attention
	norms     bool  // of queries and keys
	positions int64 // side of the square of position embeddings
	context   int64 // width of the text's tokens
	vector    int64 // width of the pooled text
}

const (
	mmditLatent      = 16
	mmditPatch       = 2
	mmditHead        = 64
	mmditFrequencies = 256
	positionDeviates = 0.7 // as sines and cosines do
)

// mmdit adds a transformer under its single file's names.
func (b builder) mmdit(s mmditSize) {
	w := s.width
	b.conv("x_embedder.proj", w, mmditLatent, mmditPatch)
	b.add("pos_embed", values{deviation: positionDeviates}, 1, s.positions*s.positions, w)
	b.linear("context_embedder", w, s.context)
	for name, in := range map[string]int64{"t_embedder": mmditFrequencies, "y_embedder": s.vector} {
		b.linear(name+".mlp.0", w, in)
		b.linear(name+".mlp.2", w, w)
	}
	for i := range s.blocks {
		image, text := 6*w, 6*w // shift, scale and gate, of attention and of the feed-forward layers
		if i < s.dual {
			image += 3 * w // and of the second attention
		}
		last := i == s.blocks-1
		if last {
			text = 2 * w // a shift and a scale: nobody reads the text after it
		}
		block := b.sub("joint_blocks.%d.", i)
		block.sub("x_block.").stream(s, image, i < s.dual, false)
		block.sub("context_block.").stream(s, text, false, last)
	}
	b.linear("final_layer.adaLN_modulation.1", 2*w, w)
	b.linear("final_layer.linear", mmditPatch*mmditPatch*mmditLatent, w)
}

// stream is one half of a block. modulation is how many numbers its norms take; a bare one has no outputs.
func (b builder) stream(s mmditSize, modulation int64, dual, bare bool) {
	b.linear("adaLN_modulation.1", modulation, s.width)
	b.joint(s, "attn.", bare)
	if dual {
		b.joint(s, "attn2.", false)
	}
	if !bare {
		b.linear("mlp.fc1", 4*s.width, s.width)
		b.linear("mlp.fc2", s.width, 4*s.width)
	}
}

func (b builder) joint(s mmditSize, name string, bare bool) {
	b.linear(name+"qkv", 3*s.width, s.width)
	if s.norms {
		b.rms(name+"ln_q", mmditHead)
		b.rms(name+"ln_k", mmditHead)
	}
	if !bare {
		b.linear(name+"proj", s.width, s.width)
	}
}
