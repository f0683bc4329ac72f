package controlnet

import (
	"context"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/denoiser/unet"
	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// Model is a control net with its weights.
type Model struct {
	Config Config

	params  *weights.Params
	encoder *unet.Encoder
	hint    []layer.Conv // of the picture, silu between them
	out     []layer.Conv // of each state
	low     layer.Conv   // of the bottom
}

// New builds the net from p, which stands at its root and belongs to it from here on, also when an error comes back. The error lists every
// missing and misshapen tensor, and tensors that such a net has no use for.
func New(p *weights.Params, cfg Config) (*Model, error) {
	if len(cfg.Encoder.Levels) == 0 || len(cfg.Hint) == 0 {
		p.Close()
		return nil, fmt.Errorf("control net: a configuration without levels: detect it with ConfigFromWeights")
	}
	encoder, channels := unet.NewEncoder(p, cfg.Encoder)
	m := &Model{Config: cfg, params: p, encoder: encoder}
	hint := p.Sub("controlnet_cond_embedding")
	in := cfg.Hint[0]
	m.hint = append(m.hint, layer.NewConv(hint.Sub("conv_in"), cfg.Picture, in, 3, 1, 1))
	for i, out := range cfg.Hint[1:] {
		m.hint = append(m.hint, layer.NewConv(hint.Sub(fmt.Sprintf("blocks.%d", i)), in, out, 3, int64(1+i%2), 1))
		in = out
	}
	m.hint = append(m.hint, layer.NewConv(hint.Sub("conv_out"), in, cfg.Encoder.Levels[0].Channels, 3, 1, 1))
	for i, c := range channels {
		m.out = append(m.out, layer.NewConv(p.Sub(fmt.Sprintf("controlnet_down_blocks.%d", i)), c, c, 1, 1, 0))
	}
	c := cfg.Encoder.Levels[len(cfg.Encoder.Levels)-1].Channels
	m.low = layer.NewConv(p.Sub("controlnet_mid_block"), c, c, 1, 1, 0)
	if unused := p.Unused(); p.Err() == nil && len(unused) > 0 {
		p.Fail(fmt.Errorf("%d tensors that a control net of Stable Diffusion 1.x, 2.x or XL does not have, %q first: %w", len(unused), unused[0], weights.ErrUnsupported))
	}
	if err := p.Err(); err != nil {
		p.Close()
		return nil, fmt.Errorf("control net: %w", err)
	}
	return m, nil
}

// Close frees the weights.
func (m *Model) Close() { m.params.Close() }

// DType is the element type that the net computes in.
func (m *Model) DType() torch.DType { return m.params.DType() }

// Device is where the net computes.
func (m *Model) Device() torch.Device { return m.params.Device() }

// Checkpoint switches gradient checkpointing. See denoiser.Denoiser.
func (m *Model) Checkpoint(on bool) { m.encoder.Checkpoint(on) }

// Memory is what an evaluation of a net takes whose elements have width bytes, beside its weights. See denoiser.Sized.
func (c Config) Memory(e denoiser.Evaluation, width float64) float64 {
	return c.Encoder.Memory(e, width) // with the states of the way down, which is what the residuals take
}

// Hint brings a picture [B,Picture,h·Factor,w·Factor], 0..1, to what Forward takes, [B,C,h,w]: the same for all steps of a run.
func (m *Model) Hint(picture torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		x := m.hint[0].Forward(picture)
		for _, conv := range m.hint[1:] {
			x = conv.Forward(x.Silu())
		}
		return x
	})
}

// Forward gives the residuals for latents x [B,in,H,W] at timestep t under text and vector, all as the UNet takes them in, and hint
// [1 or B,C,H,W] of Hint. It is differentiable with respect to x, stops between blocks with ctx's error once ctx is done, and panics with
// *torch.Error where shapes do not fit.
func (m *Model) Forward(ctx context.Context, x torch.Tensor, t float64, text, vector, hint torch.Tensor) (denoiser.Residuals, error) {
	var err error
	out := torch.WithScope(func() []torch.Tensor {
		states, low, wrong := m.encoder.Forward(ctx, x, t, text, vector, hint)
		if err = wrong; err != nil {
			return nil
		}
		made := make([]torch.Tensor, 0, len(states)+1)
		for i, state := range states {
			made = append(made, m.pooled(m.out[i].Forward(state)))
		}
		return append(made, m.pooled(m.low.Forward(low)))
	})
	if err != nil {
		return denoiser.Residuals{}, err
	}
	n := len(out) - 1
	return denoiser.Residuals{Skips: out[:n], Bottom: out[n]}, nil
}

// pooled averages a residual over the picture, where the net does so.
func (m *Model) pooled(x torch.Tensor) torch.Tensor {
	if !m.Config.Pool {
		return x
	}
	return x.Mean([]int64{2, 3}, true).Expand(x.Shape()...)
}
