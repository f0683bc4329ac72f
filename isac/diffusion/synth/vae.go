package synth

// vaeSize are the sizes of an autoencoder, with two residual blocks a level and three in the decoder.
type vaeSize struct {
	channels []int64 // of each level, finest first
	latent   int64
	quant    bool // 1×1 convolutions on both sides of the latent
}

const vaeResnets = 2

// vae adds an autoencoder under its single file's names, which count levels from the image inwards.
func (b builder) vae(s vaeSize) {
	top := s.channels[len(s.channels)-1]
	e := b.sub("encoder.")
	e.conv("conv_in", s.channels[0], 3, 3)
	width := s.channels[0]
	for i, channels := range s.channels {
		level := e.sub("down.%d.", i)
		for n := range vaeResnets {
			level.sub("block.%d.", n).vaeResnet(width, channels)
			width = channels
		}
		if i < len(s.channels)-1 {
			level.conv("downsample.conv", width, width, 3)
		}
	}
	e.vaeMiddle(top)
	e.norm("norm_out", top)
	e.conv("conv_out", 2*s.latent, top, 3) // mean and log variance

	d := b.sub("decoder.")
	d.conv("conv_in", top, s.latent, 3)
	d.vaeMiddle(top)
	width = top
	for i := len(s.channels) - 1; i >= 0; i-- {
		level := d.sub("up.%d.", i)
		for n := range vaeResnets + 1 {
			level.sub("block.%d.", n).vaeResnet(width, s.channels[i])
			width = s.channels[i]
		}
		if i > 0 {
			level.conv("upsample.conv", width, width, 3)
		}
	}
	d.norm("norm_out", width)
	d.conv("conv_out", 3, width, 3)
	if s.quant {
		b.conv("quant_conv", 2*s.latent, 2*s.latent, 1)
		b.conv("post_quant_conv", s.latent, s.latent, 1)
	}
}

func (b builder) vaeMiddle(width int64) {
	b.sub("mid.block_1.").vaeResnet(width, width)
	b.norm("mid.attn_1.norm", width)
	for _, name := range []string{"q", "k", "v", "proj_out"} {
		b.conv("mid.attn_1."+name, width, width, 1)
	}
	b.sub("mid.block_2.").vaeResnet(width, width)
}

func (b builder) vaeResnet(in, out int64) {
	b.norm("norm1", in)
	b.conv("conv1", out, in, 3)
	b.norm("norm2", out)
	b.conv("conv2", out, out, 3)
	if in != out {
		b.conv("nin_shortcut", out, in, 1)
	}
}
