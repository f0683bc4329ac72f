package vae

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// Model is an autoencoder with its weights.
type Model struct {
	Config Config

	params           *weights.Params
	encoder          *encoder // nil where the checkpoint has none
	decoder          *decoder
	quant, postQuant layer.Conv
}

// New builds the model from p, which stands at the autoencoder's root and belongs to the model from here on, also when an error comes
// back. The error lists every missing and misshapen tensor.
func New(p *weights.Params, cfg Config) (*Model, error) {
	if len(cfg.Levels) == 0 {
		p.Close()
		return nil, fmt.Errorf("vae: a configuration without levels: detect it with ConfigFromWeights")
	}
	m := &Model{Config: cfg, params: p, decoder: newDecoder(p.Sub("decoder"), cfg)}
	if cfg.QuantConv {
		m.postQuant = layer.NewConv(p.Sub("post_quant_conv"), cfg.LatentChannels, cfg.LatentChannels, 1, 1, 0)
	}
	if cfg.Encoder {
		m.encoder = newEncoder(p.Sub("encoder"), cfg)
		if cfg.QuantConv {
			m.quant = layer.NewConv(p.Sub("quant_conv"), 2*cfg.LatentChannels, 2*cfg.LatentChannels, 1, 1, 0)
		}
	}
	if err := p.Err(); err != nil {
		p.Close()
		return nil, fmt.Errorf("vae: %w", err)
	}
	return m, nil
}

// Close frees the weights.
func (m *Model) Close() { m.params.Close() }

// DType is the element type that the model computes in.
func (m *Model) DType() torch.DType { return m.params.DType() }

// Device is where the model computes.
func (m *Model) Device() torch.Device { return m.params.Device() }

// Decode maps latents z [B,latent,h,w] (unscaled) to images [B,3,h·f,w·f], about in [-1,1]: not clamped. It panics with *torch.Error
// where shapes do not fit.
func (m *Model) Decode(z torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		if m.Config.QuantConv {
			z = m.postQuant.Forward(z)
		}
		return m.decoder.forward(z)
	})
}

// Moments maps images [B,3,H,W] in [-1,1] to mean and log variance of their latents, each [B,latent,H/f,W/f]. It fails where the
// checkpoint has no encoder.
func (m *Model) Moments(images torch.Tensor) (mean, logvar torch.Tensor, err error) {
	if m.encoder == nil {
		return mean, logvar, fmt.Errorf("vae: this checkpoint has no encoder (no tensor %q): %w", "encoder.conv_in.weight", weights.ErrMissing)
	}
	out := torch.WithScope(func() []torch.Tensor {
		h := m.encoder.forward(images)
		if m.Config.QuantConv {
			h = m.quant.Forward(h)
		}
		n := m.Config.LatentChannels
		return []torch.Tensor{h.Narrow(1, 0, n).Contiguous(), h.Narrow(1, n, n).Clamp(-30, 20)}
	})
	return out[0], out[1], nil
}

// Encode maps images [B,3,H,W] in [-1,1] to the mean of their latents [B,latent,H/f,W/f], unscaled.
func (m *Model) Encode(images torch.Tensor) (torch.Tensor, error) {
	mean, logvar, err := m.Moments(images)
	if err == nil {
		logvar.Close()
	}
	return mean, err
}
