package diffusion

import (
	"cmp"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
	"github.com/isac-guidance/isac/isac/torch"
)

// LoadOptions say where and how a model computes. The zero value is float32 on the CPU.
type LoadOptions struct {
	// Device is where the model computes, torch.CPU if empty.
	Device torch.Device
	// DType is what denoiser and text encoders compute in. Float32 on the CPU; Float16 or BFloat16 halve memory on a GPU. Latents are
	// float32 always. The autoencoder computes in float32 (BFloat16 if that is asked for): in float16 it may overflow to black images.
	DType torch.DType
	// Checkpoint keeps only the inputs of the denoiser's blocks in a guided step and computes them again for the gradient: less memory,
	// about one evaluation more.
	Checkpoint bool
	// AutoCheckpoint does so only where a guided step does not fit into the free memory otherwise, by the estimate of what it takes; with it
	// Checkpoint has no meaning.
	AutoCheckpoint bool
	// Shared are tensors that stand elsewhere in memory and are used in the place of the denoiser's own, by the names that the files have;
	// what the files do not have in that shape is left out. Those with DType on Device are not copied: their memory has to hold what it
	// holds as long as the model lives. They may be closed when Load returns.
	Shared map[string]torch.Tensor
	// MaxMemory bounds what models and runs together take on Device, in bytes; 0 is what the device has. See MemoryError.
	MaxMemory int64
	// Tiling says whether the autoencoder works in tiles.
	Tiling Tiling
	// TextOffload says when text encoders leave Device. Encoders are those of other models, which make room too where this one needs it, and
	// get to know this one's; nil for this model's own alone.
	TextOffload TextOffload
	Encoders    *Encoders
}

// machine is where the model computes.
func (o LoadOptions) machine() machine {
	encoders := o.Encoders
	if encoders == nil {
		encoders = &Encoders{}
	}
	return machine{device: cmp.Or(o.Device, torch.CPU), maxMemory: o.MaxMemory, encoders: encoders, offload: o.TextOffload}
}

// Load reads a model from a diffusers folder or a single .safetensors file, of any family that package family lists. The error lists
// everything that is wrong with the files: missing tensors, wrong shapes, values that are not finite, settings that are not understood.
// The files are closed when Load returns.
func Load(path string, opt LoadOptions) (*Pipeline, error) {
	files, err := family.OpenOver(path, opt.Shared)
	if err != nil {
		return nil, err
	}
	return loadFiles(files, opt)
}

// LoadDenoiser reads a denoiser alone, from a file that family.OpenDenoiser takes. The pipeline samples; it encodes no prompts, and of its
// autoencoder it has only what its family's is like.
func LoadDenoiser(path string, opt LoadOptions) (*Pipeline, error) {
	files, err := family.OpenDenoiser(path)
	if err != nil {
		return nil, err
	}
	return loadFiles(files, opt)
}

// LoadTexts reads text encoders alone, from files that family.OpenTexts takes. The pipeline encodes prompts and does nothing else.
func LoadTexts(kind string, paths []string, opt LoadOptions) (*Pipeline, error) {
	files, err := family.OpenTexts(kind, paths...)
	if err != nil {
		return nil, err
	}
	return loadFiles(files, opt)
}

// loadFiles loads what the files have, and closes them.
func loadFiles(files *family.Files, opt LoadOptions) (*Pipeline, error) {
	defer files.Close()
	path := files.Path
	p := &Pipeline{
		Path: path, spared: &spared{}, checkpoint: opt.Checkpoint && !opt.AutoCheckpoint, autoCheckpoint: opt.AutoCheckpoint,
		Autoencoder: &Autoencoder{machine: opt.machine(), tiling: opt.Tiling},
	}
	bytes := float64(files.Bytes(opt.DType)) - p.shared(files.Given, opt)
	if err := p.check("the model's weights", need{device: bytes}); err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	err := torch.InScope(func() (err error) {
		p.model, err = family.Load(files, opt.DType, p.device)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	p.noise, p.Autoencoder.model = p.model.Noise, p.model.VAE
	if p.model.Denoiser != nil {
		p.model.Denoiser.Checkpoint(p.checkpoint)
	}
	p.enter(nil)
	return p, nil
}

// shared is how many bytes of the model's weights are not allocated, and notes how many tensors.
func (p *Pipeline) shared(names []string, opt LoadOptions) float64 {
	bytes := 0.0
	for _, name := range names {
		if t := opt.Shared[name]; t.DType() == opt.DType && t.Device() == p.device && p.device != torch.CPU {
			bytes += float64(t.Numel()) * float64(t.DType().Bytes())
			p.Shared++
		}
	}
	return bytes
}

// TokenizerOf gives the first tokenizer of the model at path, and how many tokens of a text the model reads, without loading its weights.
func TokenizerOf(path string) (*clip.Tokenizer, int, error) {
	files, err := family.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer files.Close()
	return files.Tokenizer()
}

// Families lists the names of the families of models that can be loaded.
func Families() []string { return family.Names() }

// WithNoise gives the same model with another noise: other noise levels, such as ComfyUI's ModelSampling nodes set. The two share
// the weights; only the first is to be closed.
func (p *Pipeline) WithNoise(n sampling.Noise) *Pipeline {
	other := *p
	other.noise = n
	return &other
}
