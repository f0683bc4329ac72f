package clip

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// TextModel is the text encoder of CLIP: a causal transformer, layer norm first. Its layers are named as in transformers'
// CLIPTextModel below "text_model.".
type TextModel struct {
	Config TextConfig

	params   *weights.Params
	moves    int          // of params, when the layers were built
	token    torch.Tensor // [vocab,width]
	position torch.Tensor // [positions,width]
	layers   []textLayer
	norm     layer.LayerNorm
	project  torch.Tensor // text_projection [projection,width], undefined where the model has none
}

// textLayer is one transformer layer.
type textLayer struct {
	norm1, norm2   layer.LayerNorm
	q, k, v, out   layer.Linear
	up, down       layer.Linear
	heads          int64
	quickActivates bool
}

// NewTextModel builds the model from p, which stands at the text model's root (see TextRoot) and belongs to the model from here on,
// also when an error comes back. The error lists every missing and misshapen tensor.
func NewTextModel(p *weights.Params, cfg TextConfig) (*TextModel, error) {
	m := &TextModel{Config: cfg, params: p}
	if err := m.build(); err != nil {
		p.Close()
		return nil, err
	}
	return m, nil
}

// build makes the layers of what params has now.
func (m *TextModel) build() error {
	p, cfg := m.params, m.Config
	m.moves = p.Moves()
	m.token = p.Tensor("embeddings.token_embedding.weight", cfg.Vocab, cfg.Width)
	m.position = p.Tensor("embeddings.position_embedding.weight", cfg.Positions, cfg.Width)
	m.norm = layer.NewLayerNorm(p.Sub("final_layer_norm"), cfg.Width, cfg.Eps)
	if cfg.Projection > 0 {
		m.project = p.Tensor(projection, cfg.Projection, cfg.Width)
	}
	m.layers = nil
	for i := range cfg.Layers {
		m.layers = append(m.layers, newTextLayer(p.Sub(fmt.Sprintf("encoder.layers.%d", i)), cfg))
	}
	if err := p.Err(); err != nil {
		return fmt.Errorf("text model: %w", err)
	}
	return nil
}

func newTextLayer(p *weights.Params, cfg TextConfig) textLayer {
	square := func(name string) layer.Linear { return layer.NewLinear(p.Sub("self_attn."+name), cfg.Width, cfg.Width) }
	return textLayer{
		norm1: layer.NewLayerNorm(p.Sub("layer_norm1"), cfg.Width, cfg.Eps),
		norm2: layer.NewLayerNorm(p.Sub("layer_norm2"), cfg.Width, cfg.Eps),
		q:     square("q_proj"), k: square("k_proj"), v: square("v_proj"), out: square("out_proj"),
		up:    layer.NewLinear(p.Sub("mlp.fc1"), cfg.Width, cfg.Hidden),
		down:  layer.NewLinear(p.Sub("mlp.fc2"), cfg.Hidden, cfg.Width),
		heads: cfg.Heads, quickActivates: cfg.Activation == "quick_gelu",
	}
}

// Close frees the weights.
func (m *TextModel) Close() { m.params.Close() }

// Forward gives the last hidden state [B,L,width], after the final layer norm, for token ids [B,L] of type int64. It panics with
// *torch.Error for an id outside the vocabulary or a sequence longer than Config.Positions.
func (m *TextModel) Forward(ids torch.Tensor) torch.Tensor {
	defer m.mustBorrow()()
	return torch.Scoped(func() torch.Tensor {
		x := m.embed(ids)
		for _, l := range m.layers {
			x = l.forward(x)
		}
		return m.norm.Forward(x)
	})
}

// embed gives what the first layer takes in, [B,L,width].
func (m *TextModel) embed(ids torch.Tensor) torch.Tensor {
	return torch.Embedding(m.token, ids).Add(m.position.Narrow(0, 0, ids.Size(1)))
}

func (l textLayer) forward(x torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		h := l.norm1.Forward(x)
		h = torch.SDPA(layer.SplitHeads(l.q.Forward(h), l.heads), layer.SplitHeads(l.k.Forward(h), l.heads),
			layer.SplitHeads(l.v.Forward(h), l.heads), torch.Tensor{}, true, 0)
		x = x.Add(l.out.Forward(layer.JoinHeads(h)))

		h = l.up.Forward(l.norm2.Forward(x))
		if l.quickActivates {
			h = h.QuickGelu()
		} else {
			h = h.Gelu("none")
		}
		return x.Add(l.down.Forward(h))
	})
}
