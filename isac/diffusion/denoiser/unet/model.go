package unet

import (
	"context"
	"fmt"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// Model is a UNet with its weights.
type Model struct {
	Config Config

	params  *weights.Params
	time    timeEmbedding
	vector  *vectorEmbedding // nil where the model takes no vector
	in, out layer.Conv
	down    []down
	mid     []midStage
	up      []up
	norm    layer.GroupNorm

	graphs     *attention.Graphs // nil where evaluations are not recorded
	checkpoint bool
}

// midStage is the bottom's attention (but for the first) and the residual block after it.
type midStage struct {
	attention *transformer
	resnet    layer.Resnet
}

// Checkpoint switches gradient checkpointing: each residual and attention block keeps only its inputs, and is run again when gradients are
// taken. That costs about one more forward pass for a guided step and saves most of its memory.
func (m *Model) Checkpoint(on bool) {
	m.checkpoint = on
	for i := range m.down {
		for j := range m.down[i].stages {
			m.down[i].stages[j].setCheckpoint(on)
		}
	}
	for i := range m.mid {
		if m.mid[i].attention != nil {
			m.mid[i].attention.checkpoint = on
		}
	}
	for i := range m.up {
		for j := range m.up[i].stages {
			m.up[i].stages[j].setCheckpoint(on)
		}
	}
}

// New builds the model from p, which stands at the UNet's root and belongs to the model from here on, also when an error comes back.
// The error lists every missing and misshapen tensor, and tensors that this kind of UNet has no use for.
func New(p *weights.Params, cfg Config) (*Model, error) {
	if len(cfg.Levels) == 0 {
		p.Close()
		return nil, fmt.Errorf("unet: a configuration without levels: detect it with ConfigFromWeights")
	}
	n := len(cfg.Levels)
	top, bottom := cfg.Levels[0], cfg.Levels[n-1]
	m := &Model{
		Config: cfg, params: p,
		time: newTimeEmbedding(p.Sub("time_embedding"), cfg), vector: newVectorEmbedding(p.Sub("add_embedding"), cfg),
		in:   layer.NewConv(p.Sub("conv_in"), cfg.InChannels, top.Channels, 3, 1, 1),
		norm: layer.NewGroupNorm(p.Sub("conv_norm_out"), top.Channels, cfg.Groups, cfg.Eps),
		out:  layer.NewConv(p.Sub("conv_out"), top.Channels, cfg.OutChannels, 3, 1, 1),
	}
	channels, skips := top.Channels, []int64{top.Channels}
	for i, l := range cfg.Levels {
		m.down = append(m.down, newDown(p.Sub(fmt.Sprintf("down_blocks.%d", i)), channels, l, i == n-1, cfg, &skips))
		channels = l.Channels
	}
	for i := range cfg.MidResnets {
		m.mid = append(m.mid, newMidStage(p.Sub("mid_block"), i, bottom, cfg))
	}
	for i := range cfg.Levels {
		l := cfg.Levels[n-1-i]
		m.up = append(m.up, newUp(p.Sub(fmt.Sprintf("up_blocks.%d", i)), channels, l, i == n-1, cfg, &skips))
		channels = l.Channels
	}
	m.graphs = attention.NewGraphs(p.Device())
	if unused := p.Unused(); p.Err() == nil && len(unused) > 0 {
		p.Fail(fmt.Errorf("%d tensors that a UNet of Stable Diffusion 1.x, 2.x or XL does not have, %q first: %w", len(unused), unused[0], weights.ErrUnsupported))
	}
	if err := p.Err(); err != nil {
		p.Close()
		return nil, fmt.Errorf("unet: %w", err)
	}
	return m, nil
}

func newMidStage(p *weights.Params, i int, l Level, cfg Config) midStage {
	s := midStage{resnet: layer.NewResnet(p.Sub(fmt.Sprintf("resnets.%d", i)), l.Channels, l.Channels, cfg.TimeWidth, cfg.Groups, cfg.Eps)}
	if i > 0 && cfg.MidDepth > 0 {
		t := newTransformer(p.Sub(fmt.Sprintf("attentions.%d", i-1)), l.Channels, cfg.MidDepth, l.Heads, cfg)
		s.attention = &t
	}
	return s
}

// Close frees the weights.
func (m *Model) Close() {
	m.graphs.Close()
	m.params.Close()
}

// Graphs are the evaluations that a GPU repeats, nil where there are to be none.
func (m *Model) Graphs() *attention.Graphs { return m.graphs }

// DType is the element type that the model computes in.
func (m *Model) DType() torch.DType { return m.params.DType() }

// Device is where the model computes.
func (m *Model) Device() torch.Device { return m.params.Device() }

// Forward predicts noise (or velocity) [B,out,H,W] for the latents x [B,in,H,W] (variance-preserving, DType, on Device) at timestep t
// (0..999) under the conditioning text [B,L,Context] and vector [B or 1,Vector], which is undefined where Config.Vector is 0 (see
// Config.AddedVector). r, which may be nil, records every attention layer. It is differentiable with respect to x, text and vector
// and panics with *torch.Error where shapes do not fit, or where a vector is missing or superfluous.
func (m *Model) Forward(x torch.Tensor, t float64, text, vector torch.Tensor, r *attention.Recorder) torch.Tensor {
	out, _ := m.ForwardContext(context.Background(), x, t, text, vector, r)
	return out
}

// ForwardContext is Forward, and stops between two blocks with ctx's error once ctx is done.
func (m *Model) ForwardContext(ctx context.Context, x torch.Tensor, t float64, text, vector torch.Tensor, r *attention.Recorder) (torch.Tensor, error) {
	return m.ForwardControlled(ctx, x, t, text, vector, denoiser.Residuals{}, r)
}

// ForwardControlled is ForwardContext with residuals of control nets, as denoiser.Controlled has it.
func (m *Model) ForwardControlled(ctx context.Context, x torch.Tensor, t float64, text, vector torch.Tensor, add denoiser.Residuals, r *attention.Recorder) (torch.Tensor, error) {
	m.checkVector(vector)
	m.checkResiduals(add)
	var err error
	out := r.Scoped1(func() (out torch.Tensor) {
		temb := m.embed(t, vector)
		if m.checkpoint || m.graphs == nil || ctx.Err() != nil || add.Any() {
			out, err = m.evaluate(ctx, x, temb, text, add, r)
			return out
		}
		for _, out = range m.graphs.Run(r, "", func(in []torch.Tensor, r *attention.Recorder) []torch.Tensor {
			out, _ := m.evaluate(context.Background(), in[0], in[1], in[2], denoiser.Residuals{}, r) // whole or not at all
			if !out.Defined() {
				return nil
			}
			return []torch.Tensor{out}
		}, x, temb, text) {
		}
		return out
	})
	if err != nil {
		return torch.Tensor{}, err
	}
	return out, nil
}

// evaluate is ForwardContext from the embedding of timestep and vector on, in the caller's scope.
func (m *Model) evaluate(ctx context.Context, x, temb, text torch.Tensor, add denoiser.Residuals, r *attention.Recorder) (torch.Tensor, error) {
	r.Expect(m.taps())
	h, err := m.body(ctx, x, temb, text, add, r)
	if err != nil || r.Done() {
		return torch.Tensor{}, err
	}
	r.Run(func() { h = m.out.Forward(m.norm.Activated(h)) })
	return h, nil
}

// embed gives silu of the embedding of timestep and vector, [1 or B,TimeWidth]: residual blocks want nothing else.
func (m *Model) embed(t float64, vector torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		e := m.time.forward(t)
		if m.vector != nil {
			e = e.Add(m.vector.forward(vector))
		}
		return e.Silu()
	})
}

// body is everything between the first convolution and the last norm, or as much of it as it takes for the recorder to be done.
func (m *Model) body(ctx context.Context, x, temb, text torch.Tensor, add denoiser.Residuals, r *attention.Recorder) (torch.Tensor, error) {
	skips, h, err := m.descend(ctx, m.in.Forward(x), temb, text, r)
	if err != nil || r.Done() {
		return h, err
	}
	if add.Any() {
		h = h.Add(add.Bottom)
		for i := range skips {
			skips[i] = skips[i].Add(add.Skips[i])
		}
	}
	for _, u := range m.up {
		for _, s := range u.stages {
			if err := ctx.Err(); err != nil {
				return h, err
			}
			skip := skips[len(skips)-1]
			skips = skips[:len(skips)-1]
			below := h
			h = torch.Scoped(func() torch.Tensor { return torch.Cat([]torch.Tensor{below, skip}, 1) })
			free(below, skip)
			both := h
			r.Run(func() { h = s.forward(both, temb, text, r) })
			free(both)
			if r.Done() {
				return h, nil
			}
		}
		if u.sample != nil {
			next := skips[len(skips)-1].Shape()
			small := h
			h = u.sample.Forward(small, next[2], next[3])
			free(small)
		}
	}
	return h, nil
}

// free frees images that nothing reads any more. Two may be the same: of a model without a middle.
func free(images ...torch.Tensor) {
	for i, x := range images {
		if i == 0 || x != images[0] {
			x.Close()
		}
	}
}

// descend goes from h, the first convolution's result, down to the bottom: states are h and what each stage and each halving made of it.
func (m *Model) descend(ctx context.Context, h, temb, text torch.Tensor, r *attention.Recorder) (states []torch.Tensor, low torch.Tensor, err error) {
	states = []torch.Tensor{h}
	for _, d := range m.down {
		for _, s := range d.stages {
			if err := ctx.Err(); err != nil {
				return nil, h, err
			}
			r.Run(func() { h = s.forward(h, temb, text, r) })
			if r.Done() {
				return states, h, nil
			}
			states = append(states, h)
		}
		if d.sample != nil {
			h = d.sample.Forward(h)
			states = append(states, h)
		}
	}
	for _, s := range m.mid {
		if s.attention != nil {
			if h = s.attention.forward(h, text, r); r.Done() {
				return states, h, nil
			}
		}
		r.Run(func() {
			if m.checkpoint && torch.GradEnabled() {
				h = checkpointed(s.resnet, h, temb)
			} else {
				h = s.resnet.Forward(h, temb)
			}
		})
	}
	return states, h, nil
}
