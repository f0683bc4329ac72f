package clip

import (
	"errors"
	"fmt"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/config"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// TextConfig describes a CLIP text model. All sizes come from tensor shapes; config.json gives what shapes cannot tell.
type TextConfig struct {
	Vocab      int64   // number of tokens
	Positions  int64   // longest sequence, BOS and EOS included
	Width      int64   // of a token's embedding, and of the conditioning
	Hidden     int64   // of the feed-forward layers
	Layers     int     // transformer layers
	Projection int64   // width of the pooled text after text_projection, 0 where the model has none
	Heads      int64   // attention heads: num_attention_heads, else Width/64
	Activation string  // hidden_act: "quick_gelu" or "gelu"; else by width: OpenAI's CLIP has the first, OpenCLIP-H (1024) and -bigG (1280) the second
	Eps        float64 // layer_norm_eps, 1e-5
}

// projection stands beside "text_model." in a text encoder, not below it.
const projection = "text_projection.weight"

// TextRoot gives the text model within a text encoder: its tensors without the leading "text_model.", and text_projection.weight
// where there is one.
func TextRoot(src weights.Source) weights.Source {
	const prefix = "text_model."
	to := map[string]string{projection: projection}
	for _, name := range src.Names() {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			to[rest] = name
		}
	}
	return weights.Renamed(src, to)
}

// TextConfigFromWeights detects a text model's configuration. src is what TextRoot gives; json is its config.json. All mistakes are reported together.
func TextConfigFromWeights(src weights.Source, json map[string]any) (TextConfig, error) {
	var errs []error
	size := func(name string, dim, dims int) int64 {
		n, err := config.Size(src, name, dim, dims)
		if err != nil {
			errs = append(errs, fmt.Errorf("text model: %w", err))
		}
		return n
	}
	cfg := TextConfig{
		Vocab:     size("embeddings.token_embedding.weight", 0, 2),
		Width:     size("embeddings.token_embedding.weight", 1, 2),
		Positions: size("embeddings.position_embedding.weight", 0, 2),
		Hidden:    size("encoder.layers.0.mlp.fc1.weight", 0, 2),
	}
	if src.Has(projection) {
		cfg.Projection = size(projection, 0, 2)
	}
	var err error
	cfg.Layers, err = config.Count("encoder.layers.%d", config.MaxLayers, func(i int) bool {
		return src.Has(fmt.Sprintf("encoder.layers.%d.layer_norm1.weight", i))
	})
	if err != nil {
		errs = append(errs, fmt.Errorf("%s: text model: %w", src.Origin(""), err))
	}
	if cfg.Layers == 0 {
		errs = append(errs, fmt.Errorf("%s: text model: no layer encoder.layers.0: %w", src.Origin(""), weights.ErrMissing))
	}

	c := config.New("text_encoder/config.json", json)
	cfg.Heads = c.IntIn("num_attention_heads", max(cfg.Width/64, 1), 1, config.MaxHeads)
	cfg.Activation = c.String("hidden_act", activation(cfg.Width))
	cfg.Eps = c.FloatIn("layer_norm_eps", 1e-5, 0, 1)
	if cfg.Activation != "quick_gelu" && cfg.Activation != "gelu" {
		c.Fail("hidden_act", weights.ErrUnsupported, "expected quick_gelu or gelu")
	}
	errs = append(errs, c.Err())
	if cfg.Heads < 1 || cfg.Width%cfg.Heads != 0 {
		errs = append(errs, fmt.Errorf("text model: %d attention heads do not divide its width %d: correct num_attention_heads in its config.json", cfg.Heads, cfg.Width))
	}
	return cfg, errors.Join(errs...)
}

// activation is that of the text model of a width where no config.json tells it.
func activation(width int64) string {
	if width == 1024 || width == 1280 {
		return "gelu"
	}
	return "quick_gelu"
}
