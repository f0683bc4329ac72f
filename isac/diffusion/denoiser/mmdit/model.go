package mmdit

import (
	"context"
	"errors"
	"fmt"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// Model is an MMDiT with its weights.
type Model struct {
	Config Config
	// TextSegments divides a text of so many tokens among the encoders that it comes from, in the order of its tokens, for taps. nil
	// stands for one segment without a name.
	TextSegments func(tokens int) []attention.Segment

	params   *weights.Params
	patches  patches
	embedded embedding
	context  layer.Linear
	blocks   []block
	norm     adaptive
	out      layer.Linear

	graphs     *attention.Graphs // nil where evaluations are not recorded
	checkpoint bool
}

// New builds the model from p, which stands at the transformer's root and belongs to the model from here on, also when an error comes
// back. The error lists every missing and misshapen tensor, and tensors that this kind of transformer has no use for.
func New(p *weights.Params, cfg Config) (*Model, error) {
	if cfg.Blocks() == 0 || cfg.Heads < 1 || cfg.Patch < 1 {
		p.Close()
		return nil, fmt.Errorf("mmdit: a configuration of %d blocks, %d heads and patches of side %d: detect it with ConfigFromWeights",
			cfg.Blocks(), cfg.Heads, cfg.Patch)
	}
	m := &Model{
		Config: cfg, params: p,
		patches:  newPatches(p.Sub("pos_embed"), cfg),
		embedded: newEmbedding(p.Sub("time_text_embed"), cfg),
		context:  layer.NewLinear(p.Sub("context_embedder"), cfg.Context, cfg.Width),
		norm:     newAdaptive(p.Sub("norm_out"), cfg.Width, bare),
		out:      layer.NewLinear(p.Sub("proj_out"), cfg.Width, cfg.Patch*cfg.Patch*cfg.OutChannels),
	}
	m.graphs = attention.NewGraphs(p.Device())
	for i, dual := range cfg.Dual {
		m.blocks = append(m.blocks, newBlock(p.Sub(fmt.Sprintf("transformer_blocks.%d", i)), dual, i == cfg.Blocks()-1, cfg))
	}
	if unused := p.Unused(); p.Err() == nil && len(unused) > 0 {
		p.Fail(fmt.Errorf("%d tensors that a Stable Diffusion 3 transformer does not have, %q first: %w", len(unused), unused[0], weights.ErrUnsupported))
	}
	if err := p.Err(); err != nil {
		p.Close()
		return nil, fmt.Errorf("mmdit: %w", err)
	}
	return m, nil
}

// Checkpoint switches gradient checkpointing: each block keeps only its inputs, and is run again when gradients are taken. That costs
// about one more forward pass for a guided step and saves most of its memory.
func (m *Model) Checkpoint(on bool) {
	m.checkpoint = on
	for i := range m.blocks {
		m.blocks[i].checkpoint = on
	}
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

// ForwardContext predicts the velocity [B,OutChannels,H,W] for the latents x [B,InChannels,H,W] (DType, on Device) at timestep t
// (0..1000) under the conditioning text [B,L,Context] and the pooled text vector [B,Vector]. r, which may be nil, records every
// attention layer. Sides of any length are allowed that the position embeddings cover; larger ones, and segments of the text that do
// not add up to L, are errors. It stops between two blocks with ctx's error once ctx is done. It is differentiable with respect to x,
// text and vector, and panics with *torch.Error where other shapes do not fit.
func (m *Model) ForwardContext(ctx context.Context, x torch.Tensor, t float64, text, vector torch.Tensor, r *attention.Recorder) (torch.Tensor, error) {
	at, err := m.place(x, text)
	if err != nil {
		return torch.Tensor{}, fmt.Errorf("mmdit: %w", err)
	}
	out := r.Scoped1(func() (out torch.Tensor) {
		embedded := m.embedded.forward(t, vector)
		if m.checkpoint || m.graphs == nil || ctx.Err() != nil {
			out, err = m.evaluate(ctx, x, embedded, text, at, r)
			return out
		}
		for _, out = range m.graphs.Run(r, "", func(in []torch.Tensor, r *attention.Recorder) []torch.Tensor {
			out, _ := m.evaluate(context.Background(), in[0], in[1], in[2], at, r) // whole or not at all
			if !out.Defined() {
				return nil
			}
			return []torch.Tensor{out}
		}, x, embedded, text) {
		}
		return out
	})
	if err != nil {
		return torch.Tensor{}, err
	}
	return out, nil
}

// evaluate is ForwardContext from the embedding of timestep and vector on, in the caller's scope.
func (m *Model) evaluate(ctx context.Context, x, embedded, text torch.Tensor, at place, r *attention.Recorder) (torch.Tensor, error) {
	h := m.patches.forward(x, int64(at.rows), int64(at.columns))
	r.Expect(m.taps())
	h, err := m.body(ctx, h, m.context.Forward(text), embedded, at, r)
	if err != nil || r.Done() {
		return torch.Tensor{}, err
	}
	r.Run(func() { h = m.out.Forward(m.norm.forward(embedded).modulate(normalise(h), shiftOnly, scaleOnly)) })
	return m.patches.back(h, int64(at.rows), int64(at.columns), x.Size(2), x.Size(3)), nil
}

// body takes image tokens h and text tokens y, which it frees, through all blocks, or as many as it takes for the recorder to be done.
func (m *Model) body(ctx context.Context, h, y, embedded torch.Tensor, at place, r *attention.Recorder) (torch.Tensor, error) {
	for _, b := range m.blocks {
		if err := ctx.Err(); err != nil {
			return h, err
		}
		var image, text torch.Tensor
		r.Run(func() { image, text = b.forward(h, y, embedded, at, r) })
		if r.Done() {
			return image, nil
		}
		h.Close() // each block's tokens at once, or a forward pass without gradient would hold those of all
		y.Close()
		h, y = image, text
	}
	return h, nil
}

// place checks the sizes of one evaluation that torch would not, and gives the grid and the text's segments.
func (m *Model) place(x, text torch.Tensor) (place, error) {
	s, tokens := x.Shape(), text.Shape()
	if len(s) != 4 || len(tokens) != 3 {
		return place{}, fmt.Errorf("latents have shape %v and the text %v, expected [B,%d,H,W] and [B,L,%d]", s, tokens, m.Config.InChannels, m.Config.Context)
	}
	_, _, err := m.patches.grid(s[2], s[3])
	at := m.placeOf(int(s[2]), int(s[3]), int(tokens[1]))
	sum := 0
	for _, segment := range at.text {
		if sum += segment.Length; segment.Kind != attention.Text {
			err = errors.Join(err, fmt.Errorf("a segment of %d %s keys, expected text", segment.Length, segment.Kind))
		}
	}
	if sum != int(tokens[1]) {
		err = errors.Join(err, fmt.Errorf("the text has %d tokens, its segments %d: set TextSegments to how it was put together", tokens[1], sum))
	}
	return at, err
}

// placeOf is where the tokens of a latent of height×width and a text of so many tokens lie.
func (m *Model) placeOf(height, width, tokens int) place {
	size := int(m.patches.size)
	at := place{rows: (height + size - 1) / size, columns: (width + size - 1) / size, text: attention.Cross(tokens)}
	if m.TextSegments != nil {
		at.text = m.TextSegments(tokens)
	}
	return at
}
