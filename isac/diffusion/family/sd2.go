package family

import (
	"fmt"
	"math"

	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// sd2 is Stable Diffusion 2.0 and 2.1: OpenCLIP-H's state before its last layer, which single files still hold and folders leave out;
// linear projections, attention in float32, noise or velocity predicted.
var sd2 = &Family{
	Name: "sd2", Title: "Stable Diffusion 2.x",
	Single: func(src weights.Source) bool {
		return src.Has(firstConv) && contextWidth(src) == 1024 || hasPrefix(src.Names(), openCLIP)
	},
	Pipelines: []string{"StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"},
	Folder:    linear,
	Denoiser:  unetPart, VAE: vaePart,
	Text: []TextPart{{
		Part: Part{What: "text encoder", Folder: "text_encoder", Base: "model", Prefixes: []string{openCLIP},
			Single: openCLIPText, Tidy: textNames},
		Tokenizer: "tokenizer", Embedding: "clip_h", PadZero: true, SingleSkip: 1,
	}},
	Network: newUNet, Memory: unetMemory, Noise: discreteOrVelocity, Join: lastState,
	Native: 96, Scaling: 0.18215,
}

// openCLIP is where single files keep OpenCLIP's text model.
const openCLIP = "cond_stage_model.model."

// linear tells whether the way in and out of a UNet's attention is a linear layer, not a convolution.
func linear(src weights.Source) bool {
	for _, name := range src.Names() {
		if matched := len(name) > len(projIn) && name[len(name)-len(projIn):] == projIn; matched {
			shape, _ := src.Shape(name)
			return len(shape) == 2
		}
	}
	return false
}

const projIn = ".proj_in.weight"

const (
	// telling is a bias by which files of the two predictions can be told apart, which say nothing of it themselves: its deviation is
	// above the bound in models that were tuned to predict velocity.
	telling          = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"
	velocityDeviates = 0.09
)

// discreteOrVelocity is discrete for single files of Stable Diffusion 2, which do not say what they predict: a bias's deviation tells,
// the sign that ComfyUI goes by as well.
func discreteOrVelocity(f *Files) (sampling.Noise, error) {
	if f.Raw == nil || !f.Raw.Has(telling) || f.prediction() == sampling.V || f.Metadata["modelspec.prediction_type"] != "" {
		return discrete(f)
	}
	var values []float64
	err := torch.InScope(func() error {
		t, err := f.Raw.Tensor(telling)
		if err == nil {
			values = t.To(torch.Float32).Float64s()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("what the model predicts: %w", err)
	}
	if deviation(values) > velocityDeviates {
		f.Config.Scheduler = map[string]any{"prediction_type": string(sampling.V)}
	}
	return discrete(f)
}

// deviation is the standard deviation of all values there are, divided by n, as ComfyUI takes it.
func deviation(values []float64) float64 {
	mean, square := 0.0, 0.0
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		square += (v - mean) * (v - mean)
	}
	return math.Sqrt(square / float64(len(values)))
}
