package diffusion

import (
	"errors"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/config"
	"github.com/isac-guidance/isac/isac/diffusion/denoiser/unet"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
	"github.com/isac-guidance/isac/isac/diffusion/vae"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// LoadOptions say where and how a model computes. The zero value is float32 on the CPU.
type LoadOptions struct {
	// Device is where the model computes, torch.CPU if empty.
	Device torch.Device
	// DType is what UNet and text model compute in. Float32 on the CPU; Float16 or BFloat16 halve memory on a GPU. Latents are float32
	// always. The autoencoder computes in float32 (BFloat16 if that is asked for): in float16 it may overflow to black images.
	DType torch.DType
	// Checkpoint keeps only the inputs of the UNet's blocks in a guided step and computes them again for the gradient: less memory,
	// about one evaluation more.
	Checkpoint bool
}

// Pipeline is a loaded model: text model, UNet and autoencoder.
type Pipeline struct {
	// Path is what Load was given.
	Path string

	device    torch.Device
	tokenizer *clip.Tokenizer
	text      *clip.TextModel
	unet      *unet.Model
	vae       *vae.Model
	size      int64 // of the latents that the model was trained on

	noise sampling.Noise
}

// Load reads a model from a diffusers folder or a single .safetensors file. The error lists everything that is wrong with the files:
// missing tensors, wrong shapes, values that are not finite, settings that are not understood. The files are closed when Load returns.
func Load(path string, opt LoadOptions) (*Pipeline, error) {
	files, err := weights.OpenModel(path)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	p := &Pipeline{Path: path, device: opt.Device}
	if p.device == "" {
		p.device = torch.CPU
	}
	err = torch.InScope(func() error { return p.build(files, opt) })
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	return p, nil
}

// build makes all parts, so that the mistakes of all are reported.
func (p *Pipeline) build(files *weights.ModelFiles, opt LoadOptions) error {
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	var err error
	p.tokenizer, err = clip.TokenizerFor(files)
	note(err)
	note(p.readSchedule(files.Config.Scheduler))

	root := clip.TextRoot(files.Text)
	textConfig, err := clip.TextConfigFromWeights(root, files.Config.Text)
	if note(err); err == nil {
		p.text, err = clip.NewTextModel(weights.NewParams(root, opt.DType, p.device), textConfig)
		note(err)
	}
	unetConfig, err := unet.ConfigFromWeights(files.UNet, files.Config.UNet)
	if note(err); err == nil {
		p.unet, err = unet.New(weights.NewParams(files.UNet, opt.DType, p.device), unetConfig)
		note(err)
	}
	vaeConfig, err := vae.ConfigFromWeights(files.VAE, files.Config.VAE)
	if note(err); err == nil {
		dtype := opt.DType
		if dtype == torch.Float16 {
			dtype = torch.Float32
		}
		p.vae, err = vae.New(weights.NewParams(files.VAE, dtype, p.device), vaeConfig)
		note(err)
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	p.unet.Checkpoint(opt.Checkpoint)
	c := config.New("unet/config.json", files.Config.UNet)
	p.size = 64
	if sides := c.Ints("sample_size", 2); sides != nil {
		p.size = max(sides[0], sides[1])
	}
	note(c.Err())
	note(p.fit())
	return errors.Join(errs...)
}

// readSchedule makes the noise schedule. A model that brings no scheduler has Stable Diffusion 1's.
func (p *Pipeline) readSchedule(json map[string]any) error {
	c := config.New("scheduler_config.json", json)
	b := sampling.StableDiffusion1()
	b.Schedule = c.String("beta_schedule", b.Schedule)
	b.Start, b.End = c.Float("beta_start", b.Start), c.Float("beta_end", b.End)
	b.Timesteps = int(c.Int("num_train_timesteps", int64(b.Timesteps)))
	b.ZeroSNR = c.Bool("rescale_betas_zero_snr", b.ZeroSNR)
	name := c.String("prediction_type", string(sampling.Epsilon))
	if err := c.Err(); err != nil {
		return err
	}
	prediction, wrong := sampling.PredictionNamed(name)
	noise, err := sampling.NewDiscrete(b, prediction)
	p.noise = noise
	return errors.Join(err, wrong)
}

// fit checks that the three networks belong together.
func (p *Pipeline) fit() error {
	var errs []error
	t, u, v := p.text.Config, p.unet.Config, p.vae.Config
	if u.Context != 0 && u.Context != t.Width {
		errs = append(errs, fmt.Errorf("the unet reads conditioning of width %d and the text model makes width %d: they are of different models", u.Context, t.Width))
	}
	if u.InChannels != v.LatentChannels || u.OutChannels != v.LatentChannels {
		errs = append(errs, fmt.Errorf("the unet takes %d channels and gives %d where the autoencoder has %d: inpainting, depth and image-editing models are not supported: %w",
			u.InChannels, u.OutChannels, v.LatentChannels, weights.ErrUnsupported))
	}
	return errors.Join(errs...)
}

// Close frees the weights. Closing a pipeline that failed to load, or twice, is allowed.
func (p *Pipeline) Close() {
	if p.text != nil {
		p.text.Close()
	}
	if p.unet != nil {
		p.unet.Close()
	}
	if p.vae != nil {
		p.vae.Close()
	}
	p.text, p.unet, p.vae = nil, nil, nil
}

// Factor is how many pixels of an image one pixel of the latent stands for along each side: 8 for Stable Diffusion.
func (p *Pipeline) Factor() int { return int(p.vae.Config.Factor()) }

// LatentChannels is the number of channels of a latent: 4 for Stable Diffusion.
func (p *Pipeline) LatentChannels() int { return int(p.vae.Config.LatentChannels) }

// NativeSize is the side in pixels of the images that the model was trained on, as its config.json says, 512 where there is none.
func (p *Pipeline) NativeSize() int { return int(p.size) * p.Factor() }

// Device is where the model computes.
func (p *Pipeline) Device() torch.Device { return p.device }

// Noise is what σ, t and x mean for the model: its timesteps and noise levels, what its network takes in and puts out.
func (p *Pipeline) Noise() sampling.Noise { return p.noise }

// Tokenizer is the model's tokenizer.
func (p *Pipeline) Tokenizer() *clip.Tokenizer { return p.tokenizer }
