package diffusion

import (
	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
	"github.com/isac-guidance/isac/isac/torch"
)

// Pipeline is a loaded model, ready to sample.
type Pipeline struct {
	// Path is what Load was given.
	Path string

	// Shared is how many of LoadOptions.Shared the denoiser uses without a copy.
	Shared int

	// Autoencoder is the model's own. A pipeline is closed, not the autoencoder.
	*Autoencoder
	model      *family.Model
	noise      sampling.Noise
	checkpoint bool
	// autoCheckpoint decides before each guided evaluation, see checkpoints
	autoCheckpoint bool
	spared         *spared
	texts          []*clip.TextModel // that Encoders know by this pipeline
}

// Close frees the weights and gives their memory back, which the C library would keep. Closing twice is allowed.
func (p *Pipeline) Close() {
	p.encoders.remove(p.texts)
	p.texts = nil
	p.model.Close()
	_ = torch.Try(func() error { torch.EmptyCache(p.device); return nil }) // a device that is lost has no memory to give
}

// Family is the kind of model.
func (p *Pipeline) Family() *family.Family { return p.model.Family }

// HasVAE says whether the pipeline's autoencoder can encode and decode: that of a denoiser alone cannot.
func (p *Pipeline) HasVAE() bool { return p.model.HasVAE() }

// Notes are things that the user should know of the model: parts of its files that are not read.
func (p *Pipeline) Notes() []string { return p.model.Notes }

// NativeSize is the side in pixels of the images that the model was trained on, as its config.json says, or its family.
func (p *Pipeline) NativeSize() int { return int(p.model.Size) * p.Factor() }

// Device is where the model computes.
func (p *Pipeline) Device() torch.Device { return p.device }

// DType is what the denoiser computes in.
func (p *Pipeline) DType() torch.DType { return p.model.Denoiser.DType() }

// Noise is what σ, t and x mean for the model: its timesteps and noise levels, what its network takes in and puts out.
func (p *Pipeline) Noise() sampling.Noise { return p.noise }

// Tokenizer is the tokenizer by which positions of a conditioning are found in a prompt: the first text encoder's.
func (p *Pipeline) Tokenizer() *clip.Tokenizer { return p.model.Text[0].Tokenizer }

// scale maps the autoencoder's latents to the denoiser's; unscale is its inverse.
func (p *Pipeline) scale(z torch.Tensor) torch.Tensor {
	return z.SubScalar(p.model.VAE.Config.Shift).MulScalar(p.model.VAE.Config.Scaling)
}

func (p *Pipeline) unscale(x torch.Tensor) torch.Tensor {
	return x.DivScalar(p.model.VAE.Config.Scaling).AddScalar(p.model.VAE.Config.Shift)
}
