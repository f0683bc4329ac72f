package family

import (
	"errors"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/config"
	"github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/denoiser/unet"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// The parts that the families with a UNet share.
var (
	unetPart = Part{What: "UNet", Folder: "unet", Base: "diffusion_pytorch_model", Prefixes: []string{"model.diffusion_model."}, Single: ldmUNet, Released: releasedUNet}
	vaePart  = Part{What: "VAE", Folder: "vae", Base: "diffusion_pytorch_model", Prefixes: []string{"first_stage_model.", "vae."}, Single: ldmVAE, Tidy: vaeNames}
)

// sd1 is Stable Diffusion 1.1 to 1.5 and what was tuned from them: CLIP-L's last state, noise predicted.
var sd1 = &Family{
	Name: "sd1", Title: "Stable Diffusion 1.x",
	Single:    func(src weights.Source) bool { return src.Has(firstConv) && contextWidth(src) != 1024 },
	Pipelines: []string{"StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"},
	Denoiser:  unetPart, VAE: vaePart,
	Text: []TextPart{{
		Part: Part{What: "text encoder", Folder: "text_encoder", Base: "model", Prefixes: []string{"cond_stage_model.transformer."},
			Single: textNames, Tidy: textNames},
		Tokenizer: "tokenizer", Embedding: "clip_l",
	}},
	Network: newUNet, Memory: unetMemory, Noise: discrete, Join: lastState,
	Native: 64, Scaling: 0.18215,
}

// newUNet builds a UNet and tells what it takes.
func newUNet(p *weights.Params, src weights.Source, json map[string]any) (denoiser.Denoiser, Shape, error) {
	cfg, err := unet.ConfigFromWeights(src, json)
	if err != nil {
		p.Close()
		return nil, Shape{}, err
	}
	m, err := unet.New(p, cfg)
	if err != nil {
		return nil, Shape{}, err
	}
	return m, Shape{In: cfg.InChannels, Out: cfg.OutChannels, Context: cfg.Context, Vector: cfg.Vector}, nil
}

// lastState conditions on the normed state of the one text encoder.
func lastState(encoded []clip.Encoded, _ int64) (text, pooled torch.Tensor) {
	return encoded[0].Normed, torch.Tensor{}
}

// discrete is the noise of the families with a UNet. A model that brings no scheduler has Stable Diffusion 1's.
func discrete(f *Files) (sampling.Noise, error) {
	c := config.New("scheduler_config.json", f.Config.Scheduler)
	b := sampling.StableDiffusion1()
	b.Schedule = c.String("beta_schedule", b.Schedule)
	b.Start, b.End = c.Float("beta_start", b.Start), c.Float("beta_end", b.End)
	b.Timesteps = int(c.IntIn("num_train_timesteps", int64(b.Timesteps), 2, config.MaxTimesteps))
	b.ZeroSNR = c.Bool("rescale_betas_zero_snr", f.Raw != nil && f.Raw.Has("ztsnr"))
	if class := c.String("_class_name", ""); strings.HasPrefix(class, "EDM") {
		c.Fail("_class_name", weights.ErrUnsupported, "a model with the noise of EDM (Playground 2.5, CosXL)")
	}
	name := c.String("prediction_type", string(f.prediction()))
	if err := c.Err(); err != nil {
		return nil, err
	}
	prediction, wrong := sampling.PredictionNamed(name)
	noise, err := sampling.NewDiscrete(b, prediction)
	if err := errors.Join(err, wrong); err != nil {
		return nil, err
	}
	return noise, nil
}

// prediction reads what a single file says of its own prediction: the header field of the "modelspec" convention, or the empty tensor
// that v-prediction fine-tunes carry. Most files say nothing, and are of the epsilon kind.
func (f *Files) prediction() sampling.Prediction {
	kind := f.Metadata["modelspec.prediction_type"]
	if f.Raw != nil && f.Raw.Has("v_pred") || kind == "v" || kind == "v_prediction" {
		return sampling.V
	}
	return sampling.Epsilon
}
