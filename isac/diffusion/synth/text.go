package synth

import "math"

// textSize are the sizes of a CLIP text encoder, which has 64 channels a head and CLIP's own vocabulary.
type textSize struct {
	width  int64
	layers int
	// openCLIP gives it OpenCLIP's names; projected a projection of the pooled text; counted the positions' numbers, which transformers
	// stored until 4.31.
	openCLIP, projected, counted bool
}

const (
	textVocabulary   = 49408
	textPositions    = 77
	tokenDeviates    = 0.02
	positionsDeviate = 0.01
	logitScale       = 4.6052 // ln 100, where training ends
)

// out is the gain of layers that add to the residual stream: with it the stream stays as large as it is however many layers there are.
func (s textSize) out() float64 { return 1 / math.Sqrt(2*float64(s.layers)) }

// text adds a text encoder.
func (b builder) text(s textSize) {
	if s.openCLIP {
		b.openCLIPText(s)
		return
	}
	if s.projected {
		b.matrix("text_projection.weight", 1, s.width, s.width)
	}
	m := b.sub("text_model.")
	m.add("embeddings.token_embedding.weight", values{deviation: tokenDeviates}, textVocabulary, s.width)
	m.add("embeddings.position_embedding.weight", values{deviation: positionsDeviate}, textPositions, s.width)
	if s.counted {
		m.add("embeddings.position_ids", values{kind: counting}, 1, textPositions)
	}
	for i := range s.layers {
		l := m.sub("encoder.layers.%d.", i)
		for _, name := range []string{"q_proj", "k_proj", "v_proj"} {
			l.linear("self_attn."+name, s.width, s.width)
		}
		l.scaled("self_attn.out_proj", s.out(), s.width, s.width)
		l.norm("layer_norm1", s.width)
		l.norm("layer_norm2", s.width)
		l.linear("mlp.fc1", 4*s.width, s.width)
		l.scaled("mlp.fc2", s.out(), s.width, 4*s.width)
	}
	m.norm("final_layer_norm", s.width)
}

// openCLIPText adds OpenCLIP's whole model without its picture encoder.
func (b builder) openCLIPText(s textSize) {
	b.add("token_embedding.weight", values{deviation: tokenDeviates}, textVocabulary, s.width)
	b.add("positional_embedding", values{deviation: positionsDeviate}, textPositions, s.width)
	b.add("logit_scale", values{mean: logitScale})
	b.matrix("text_projection", 1, s.width, s.width)
	for i := range s.layers {
		l := b.sub("transformer.resblocks.%d.", i)
		l.matrix("attn.in_proj_weight", 1, 3*s.width, s.width)
		l.bias("attn.in_proj_bias", 3*s.width)
		l.scaled("attn.out_proj", s.out(), s.width, s.width)
		l.norm("ln_1", s.width)
		l.norm("ln_2", s.width)
		l.linear("mlp.c_fc", 4*s.width, s.width)
		l.scaled("mlp.c_proj", s.out(), s.width, 4*s.width)
	}
	b.norm("ln_final", s.width)
}
