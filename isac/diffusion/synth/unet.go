package synth

// unetSize are the sizes of a UNet of the first releases, with two residual blocks a level and three on the way up.
type unetSize struct {
	channels []int64 // of each level, finest first
	depth    []int   // transformer blocks of each attention of a level, 0 for a level without
	middle   int     // transformer blocks at the bottom
	context  int64   // width of the text
	vector   int64   // width of pooled text and sizes, 0 for none
	linear   bool    // the attention's way in and out is a linear layer, not a 1×1 convolution
	velocity bool    // mark it as a model that predicts velocity
}

const (
	unetResnets  = 2
	unetLatent   = 4
	attendsMore  = 1.5 // gain of queries and keys, so that attention looks somewhere
	velocityBias = 0.15
)

// unet adds a UNet under its single file's names: layers are numbered in one row, input_blocks.0 is the first convolution.
func (b builder) unet(s unetSize) {
	first := s.channels[0]
	b.linear("time_embed.0", 4*first, first)
	b.linear("time_embed.2", 4*first, 4*first)
	if s.vector > 0 {
		b.linear("label_emb.0.0", 4*first, s.vector)
		b.linear("label_emb.0.2", 4*first, 4*first)
	}
	b.conv("input_blocks.0.0", first, unetLatent, 3)
	width, kept, n := first, []int64{first}, 1
	for level, channels := range s.channels {
		for range unetResnets {
			b.sub("input_blocks.%d.0.", n).unetResnet(s, width, channels)
			b.sub("input_blocks.%d.1.", n).spatial(s, channels, s.depth[level])
			width, n = channels, n+1
			kept = append(kept, width)
		}
		if level < len(s.channels)-1 {
			b.sub("input_blocks.%d.0.", n).conv("op", width, width, 3)
			kept, n = append(kept, width), n+1
		}
	}
	b.sub("middle_block.0.").unetResnet(s, width, width)
	b.sub("middle_block.1.").spatial(s, width, s.middle)
	b.sub("middle_block.2.").unetResnet(s, width, width)
	n = 0
	for level := len(s.channels) - 1; level >= 0; level-- {
		for i := range unetResnets + 1 {
			block, last := b.sub("output_blocks.%d.", n), len(kept)-1
			block.sub("0.").unetResnet(s, width+kept[last], s.channels[level])
			block.sub("1.").spatial(s, s.channels[level], s.depth[level])
			width, kept, n = s.channels[level], kept[:last], n+1
			if i == unetResnets && level > 0 {
				up := "1.conv" // the upsampler follows the attention where there is one
				if s.depth[level] > 0 {
					up = "2.conv"
				}
				block.conv(up, width, width, 3)
			}
		}
	}
	b.norm("out.0", width)
	b.conv("out.2", unetLatent, width, 3)
	if s.velocity {
		b.velocity()
	}
}

// velocity widens the one bias by whose deviation single files of Stable Diffusion 2 are told to predict velocity: above 0.09.
func (b builder) velocity() {
	const telling = "output_blocks.11.1.transformer_blocks.0.norm1.bias"
	t := b.to[b.prefix+telling]
	t.values.deviation = velocityBias
	b.to[b.prefix+telling] = t
}

func (b builder) unetResnet(s unetSize, in, out int64) {
	b.norm("in_layers.0", in)
	b.conv("in_layers.2", out, in, 3)
	b.linear("emb_layers.1", out, 4*s.channels[0])
	b.norm("out_layers.0", out)
	b.conv("out_layers.3", out, out, 3)
	if in != out {
		b.conv("skip_connection", out, in, 1)
	}
}

// spatial is an attention over image positions with depth transformer blocks, nothing for depth 0.
func (b builder) spatial(s unetSize, width int64, depth int) {
	if depth == 0 {
		return
	}
	b.norm("norm", width)
	for _, end := range []string{"proj_in", "proj_out"} {
		if s.linear {
			b.linear(end, width, width)
		} else {
			b.conv(end, width, width, 1)
		}
	}
	for i := range depth {
		block := b.sub("transformer_blocks.%d.", i)
		block.attention("attn1.", width, width)
		block.attention("attn2.", width, s.context)
		block.linear("ff.net.0.proj", 8*width, width) // two halves of four times the width, one of which gates the other
		block.linear("ff.net.2", width, 4*width)
		for _, norm := range []string{"norm1", "norm2", "norm3"} {
			block.norm(norm, width)
		}
	}
}

// attention has no biases but the output's; keys and values are made of context.
func (b builder) attention(name string, width, context int64) {
	b.matrix(name+"to_q.weight", attendsMore, width, width)
	b.matrix(name+"to_k.weight", attendsMore, width, context)
	b.matrix(name+"to_v.weight", 1, width, context)
	b.linear(name+"to_out.0", width, width)
}
