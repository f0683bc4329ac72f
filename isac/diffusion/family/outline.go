package family

import (
	"errors"

	"github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/denoiser/mmdit"
	"github.com/isac-guidance/isac/isac/diffusion/denoiser/unet"
	"github.com/isac-guidance/isac/isac/diffusion/vae"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// LoadDenoiser builds the denoiser alone: Denoiser, Shape and Noise of the model are there, its text encoders and autoencoder are not.
// It is for those who measure or drive the denoiser with conditionings that are made already.
func LoadDenoiser(f *Files, dtype torch.DType, device torch.Device) (*Model, error) {
	m := &Model{Family: f.Family, Size: f.Family.Native, device: device, files: f}
	m.params.denoiser = weights.NewParams(f.Denoiser, dtype, device)
	noise, wrong := f.Family.Noise(f)
	network, shape, err := f.Family.Network(m.params.denoiser, f.Denoiser, f.Config.Denoiser)
	if err == nil {
		m.Denoiser, m.Shape, m.own = network, shape, append(m.own, network.Close)
	}
	if err := errors.Join(wrong, err); err != nil {
		m.Close()
		return nil, err
	}
	m.Noise = noise
	return m, nil
}

// Outline is a model of which no weight is read: its denoiser and its autoencoder tell what memory they take in an element type on a
// device, and can do nothing else. It has no text encoders and no noise, and nothing to close.
func Outline(f *Files, dtype torch.DType, device torch.Device) (*Model, error) {
	m := &Model{Family: f.Family, Size: f.Family.Native, Notes: f.Notes, device: device, files: f}
	memory, shape, err := f.Family.Memory(f.Denoiser, f.Config.Denoiser)
	cfg, wrong := vae.ConfigFromWeights(f.VAE, f.Config.VAE)
	if err := errors.Join(err, wrong, m.readSize()); err != nil {
		return nil, err
	}
	m.Shape, m.Denoiser = shape, outline{memory: memory, dtype: dtype, device: device}
	m.VAE = vae.Outline(weights.NewParams(f.VAE, vaeType(dtype), device), cfg)
	return m, nil
}

// outline is a denoiser that tells its memory. It has no other method: those of the nil Denoiser must not be called.
type outline struct {
	denoiser.Denoiser
	memory func(denoiser.Evaluation, float64) float64
	dtype  torch.DType
	device torch.Device
}

func (o outline) Memory(e denoiser.Evaluation) float64 { return o.memory(e, float64(o.dtype.Bytes())) }
func (o outline) DType() torch.DType                   { return o.dtype }
func (o outline) Device() torch.Device                 { return o.device }

func unetMemory(src weights.Source, json map[string]any) (func(denoiser.Evaluation, float64) float64, Shape, error) {
	cfg, err := unet.ConfigFromWeights(src, json)
	return cfg.Memory, Shape{In: cfg.InChannels, Out: cfg.OutChannels, Context: cfg.Context, Vector: cfg.Vector}, err
}

func mmditMemory(src weights.Source, json map[string]any) (func(denoiser.Evaluation, float64) float64, Shape, error) {
	cfg, err := mmdit.ConfigFromWeights(src, json)
	return cfg.Memory, Shape{In: cfg.InChannels, Out: cfg.OutChannels, Context: cfg.Context, Vector: cfg.Vector}, err
}
