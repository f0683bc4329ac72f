package synth

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
)

// variant is one kind of checkpoint: the sizes of its networks, as published and small.
type variant struct {
	name, family string
	full, small  sizes
	prediction   sampling.Prediction // of a denoiser with discrete noise levels
	side         int64               // of the latents that the full model was made for
}

// sizes are the networks of a checkpoint. It has a UNet or an MMDiT.
type sizes struct {
	unet  *unetSize
	mmdit *mmditSize
	vae   vaeSize
	text  []textSize
}

// Small models keep the form of the full ones: as many levels, attention at the same ones, the same layers with and without it. Their
// widths are such that 32 groups and, in single files, which tell no number of heads, 64 channels a head come out. They keep CLIP's
// vocabulary, because single files bring no tokenizer.
var (
	fullVAE    = vaeSize{channels: []int64{128, 256, 512, 512}, latent: 4, quant: true}
	smallVAE   = vaeSize{channels: []int64{32, 32, 64, 64}, latent: 4, quant: true}
	fullVAE16  = vaeSize{channels: fullVAE.channels, latent: mmditLatent}
	smallVAE16 = vaeSize{channels: smallVAE.channels, latent: mmditLatent}
)

// variants lists what can be written.
var variants = []variant{
	{
		name: "sd1", family: "sd1", side: 64, prediction: sampling.Epsilon,
		full:  sizes{unet: &unetSize{channels: []int64{320, 640, 1280, 1280}, depth: []int{1, 1, 1, 0}, middle: 1, context: 768}, vae: fullVAE, text: []textSize{{width: 768, layers: 12, counted: true}}},
		small: sizes{unet: &unetSize{channels: []int64{32, 32, 64, 64}, depth: []int{1, 1, 1, 0}, middle: 1, context: 32}, vae: smallVAE, text: []textSize{{width: 32, layers: 2, counted: true}}},
	},
	sd2("sd2", 64, sampling.Epsilon),
	sd2("sd2-v", 96, sampling.V),
	{
		name: "sdxl", family: "sdxl", side: 128, prediction: sampling.Epsilon,
		full: sizes{
			unet: &unetSize{channels: []int64{320, 640, 1280}, depth: []int{0, 2, 10}, middle: 10, context: 768 + 1280, vector: 1280 + 6*256, linear: true},
			vae:  fullVAE, text: []textSize{{width: 768, layers: 12, counted: true}, {width: 1280, layers: 32, openCLIP: true}},
		},
		small: sizes{
			unet: &unetSize{channels: []int64{32, 64, 64}, depth: []int{0, 1, 2}, middle: 2, context: 32 + 64, vector: 64 + 6*32, linear: true},
			vae:  smallVAE, text: []textSize{{width: 32, layers: 2, counted: true}, {width: 64, layers: 2, openCLIP: true}},
		},
	},
	sd3("sd3", 384, 13, true),
	sd3("sd3-medium", 192, 0, false),
}

// sd2 is Stable Diffusion 2.1, as it was made for 512 pixels (noise) or for 768 (velocity).
func sd2(name string, side int64, prediction sampling.Prediction) variant {
	velocity := prediction == sampling.V
	return variant{
		name: name, family: "sd2", side: side, prediction: prediction,
		full: sizes{
			unet: &unetSize{channels: []int64{320, 640, 1280, 1280}, depth: []int{1, 1, 1, 0}, middle: 1, context: 1024, linear: true, velocity: velocity},
			vae:  fullVAE, text: []textSize{{width: 1024, layers: 24, openCLIP: true}},
		},
		small: sizes{
			unet: &unetSize{channels: []int64{32, 32, 64, 64}, depth: []int{1, 1, 1, 0}, middle: 1, context: 64, linear: true, velocity: velocity},
			vae:  smallVAE, text: []textSize{{width: 64, layers: 3, openCLIP: true}},
		},
	}
}

// sd3 is Stable Diffusion 3 Medium or 3.5 Medium with its two CLIP text encoders and without T5.
func sd3(name string, positions int64, dual int, norms bool) variant {
	return variant{
		name: name, family: "sd3", side: 128,
		full: sizes{
			mmdit: &mmditSize{width: 1536, blocks: 24, dual: dual, norms: norms, positions: positions, context: 4096, vector: 768 + 1280},
			vae:   fullVAE16, text: []textSize{{width: 768, layers: 12}, {width: 1280, layers: 32, projected: true}},
		},
		small: sizes{
			mmdit: &mmditSize{width: 2 * mmditHead, blocks: 4, dual: min(dual, 2), norms: norms, positions: positions / 6, context: 128, vector: 32 + 64},
			vae:   smallVAE16, text: []textSize{{width: 32, layers: 2}, {width: 64, layers: 2, projected: true}},
		},
	}
}

// narrow keeps what ComfyUI tells families by. It takes an MMDiT to be as many heads wide as it has blocks.
func (s sizes) narrow() sizes {
	if s.unet != nil {
		unet := *s.unet
		unet.channels = slices.Repeat(unet.channels[:1], len(unet.channels))
		s.unet = &unet
	}
	if s.mmdit != nil {
		mmdit := *s.mmdit
		mmdit.blocks = 4
		mmdit.width, mmdit.dual = int64(mmdit.blocks)*mmditHead, min(mmdit.dual, 2)
		s.mmdit = &mmdit
	}
	return s
}

// Names lists the kinds of checkpoints that can be written. Those of families come by the family's name; "sd2-v" is Stable Diffusion 2
// that predicts velocity, "sd3" is 3.5 Medium, "sd3-medium" 3 Medium.
func Names() []string {
	var names []string
	for _, v := range variants {
		names = append(names, v.name)
	}
	return names
}

func named(name string) (variant, error) {
	for _, v := range variants {
		if v.name == name {
			return v, nil
		}
	}
	return variant{}, fmt.Errorf("no checkpoint of kind %q can be written: use %s", name, strings.Join(Names(), ", "))
}

// build makes the tensors of a single file of family f.
func (s sizes) build(f *family.Family) map[string]tensor {
	all := builder{to: map[string]tensor{}}
	denoiser := all.sub("%s", f.Denoiser.Prefixes[0])
	if s.unet != nil {
		denoiser.unet(*s.unet)
	} else {
		denoiser.mmdit(*s.mmdit)
	}
	all.sub("%s", f.VAE.Prefixes[0]).vae(s.vae)
	for i, t := range s.text {
		all.sub("%s", f.Text[i].Prefixes[0]).text(t)
	}
	return all.to
}
