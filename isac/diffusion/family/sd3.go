package family

import (
	"github.com/isac-guidance/isac/isac/diffusion/config"
	"github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/denoiser/mmdit"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// sd3 is Stable Diffusion 3 Medium and 3.5 Medium: MMDiT, rectified flow, CLIP-L's and OpenCLIP-bigG's states side by side and padded,
// and both pooled texts. Its third encoder, T5, is not read: as in ComfyUI without it, no tokens stand in its place.
var sd3 = &Family{
	Name: "sd3", Title: "Stable Diffusion 3 and 3.5",
	Single:    func(src weights.Source) bool { return hasPrefix(src.Names(), "model.diffusion_model.joint_blocks.") },
	Pipelines: []string{"StableDiffusion3Pipeline", "StableDiffusion3Img2ImgPipeline"},
	Denoiser:  Part{What: "transformer", Folder: "transformer", Base: "diffusion_pytorch_model", Prefixes: unetPart.Prefixes, Single: sd3Transformer, Released: releasedSD3},
	VAE:       vaePart,
	Text:      []TextPart{sd3Text("text_encoder", "tokenizer", "clip_l", false), sd3Text("text_encoder_2", "tokenizer_2", "clip_g", true)},
	Foreign: []Foreign{{
		What:   "this model has a T5 text encoder, which is not read yet: prompts are encoded by its two CLIP encoders alone",
		Folder: "text_encoder_3", Prefix: "text_encoders.t5xxl.",
	}},
	Network: newMMDiT, Memory: mmditMemory, Noise: flow, Join: padded, Pads: true,
	Vector: func(_ *Model, pooled torch.Tensor, _ Sizes) (torch.Tensor, error) { return pooled, nil },
	Native: 128, Scaling: 1.5305, Shift: 0.0609,
}

func sd3Text(folder, tokenizer, name string, padZero bool) TextPart {
	return TextPart{
		Part: Part{What: "text encoder " + name, Folder: folder, Base: "model", Prefixes: []string{"text_encoders." + name + ".transformer."},
			Single: textNames, Tidy: textNames},
		Tokenizer: tokenizer, Embedding: name, PadZero: padZero, Skip: 1, SingleSkip: 1,
	}
}

// newMMDiT builds the transformer and tells what it takes.
func newMMDiT(p *weights.Params, src weights.Source, json map[string]any) (denoiser.Denoiser, Shape, error) {
	cfg, err := mmdit.ConfigFromWeights(src, json)
	if err != nil {
		p.Close()
		return nil, Shape{}, err
	}
	m, err := mmdit.New(p, cfg)
	if err != nil {
		return nil, Shape{}, err
	}
	return m, Shape{In: cfg.InChannels, Out: cfg.OutChannels, Context: cfg.Context, Vector: cfg.Vector}, nil
}

// flow is rectified flow with the scheduler's shift, 3 where none is told.
func flow(f *Files) (sampling.Noise, error) {
	c := config.New("scheduler_config.json", f.Config.Scheduler)
	shift := c.FloatIn("shift", 3, 1e-3, 1e3)
	if c.Bool("use_dynamic_shifting", false) {
		c.Fail("use_dynamic_shifting", weights.ErrUnsupported, "expected false")
	}
	if err := c.Err(); err != nil {
		return nil, err
	}
	return sampling.NewFlow(shift)
}

// padded puts the raw states of all encoders side by side and fills up with zeros to the width that the transformer reads; the pooled
// texts stand side by side too.
func padded(encoded []clip.Encoded, width int64) (text, pooled torch.Tensor) {
	text, _ = sideBySide(encoded, width)
	if rest := width - text.Size(-1); rest > 0 {
		text = torch.Pad(text, []int64{0, rest}, "constant", 0)
	}
	var all []torch.Tensor
	for _, e := range encoded {
		all = append(all, e.Pooled)
	}
	return text, torch.Cat(all, -1)
}
