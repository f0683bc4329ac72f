package family

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/denoiser/unet"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// sdxl is Stable Diffusion XL's base model: the states before the last layers of CLIP-L and OpenCLIP-bigG side by side, and a vector of
// bigG's pooled text and the picture's sizes.
var sdxl = &Family{
	Name: "sdxl", Title: "Stable Diffusion XL",
	Single: func(src weights.Source) bool {
		return hasPrefix(src.Names(), "conditioner.embedders.1.") || hasPrefix(src.Names(), "model.diffusion_model.label_emb.")
	},
	Pipelines: []string{"StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline"},
	Denoiser:  unetPart, VAE: vaePart,
	Text: []TextPart{
		{
			Part: Part{What: "first text encoder", Folder: "text_encoder", Base: "model", Prefixes: []string{"conditioner.embedders.0.transformer."},
				Single: textNames, Tidy: textNames},
			Tokenizer: "tokenizer", Embedding: "clip_l", Skip: 1, SingleSkip: 1,
		},
		{
			Part: Part{What: "second text encoder", Folder: "text_encoder_2", Base: "model", Prefixes: []string{"conditioner.embedders.1.model."},
				Single: openCLIPText, Tidy: textNames},
			Tokenizer: "tokenizer_2", Embedding: "clip_g", PadZero: true, Skip: 1, SingleSkip: 1,
		},
	},
	Network: newUNet, Memory: unetMemory, Noise: discrete, Join: sideBySide, Vector: withSizes,
	Native: 128, Scaling: 0.13025,
}

// sideBySide puts the raw states of all encoders side by side, and takes the last one's pooled text.
func sideBySide(encoded []clip.Encoded, _ int64) (text, pooled torch.Tensor) {
	var states []torch.Tensor
	for _, e := range encoded {
		states = append(states, e.Hidden)
	}
	return torch.Cat(states, -1), encoded[len(encoded)-1].Pooled
}

// withSizes puts the sizes behind the pooled text.
func withSizes(m *Model, pooled torch.Tensor, s Sizes) (torch.Tensor, error) {
	u, ok := m.Denoiser.(*unet.Model)
	if !ok {
		return torch.Tensor{}, fmt.Errorf("a %T takes no sizes: %w", m.Denoiser, weights.ErrUnsupported)
	}
	return u.Config.AddedVector(pooled, unet.Sizes(s))
}
