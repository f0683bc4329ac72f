package clip

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// tinyText builds the tiny model's text model.
func tinyText(t *testing.T, json string) *TextModel {
	t.Helper()
	file, err := weights.Open(filepath.Join(fixture.Dir("tiny"), "text_encoder/model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	below := map[string]string{} // transformers 5 leaves "text_model." out
	for _, name := range file.Names() {
		below["text_model."+strings.TrimPrefix(name, "text_model.")] = name
	}
	root := TextRoot(weights.Renamed(file, below))
	return buildText(t, root, fixture.Settings(t, json))
}

// buildText builds the text model whose tensors src holds.
func buildText(t *testing.T, src weights.Source, settings map[string]any) *TextModel {
	t.Helper()
	cfg, err := TextConfigFromWeights(src, settings)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewTextModel(weights.NewParams(src, torch.Float32, torch.CPU), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func TestTextModelEqualsTransformers(t *testing.T) {
	torchtest.Require(t)
	for _, c := range []struct{ name, json, want string }{
		{"quick_gelu", `{"num_attention_heads": 4}`, "text.out"},
		{"gelu", `{"num_attention_heads": 4, "hidden_act": "gelu"}`, "text.gelu"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, m := fixture.Open(t, "tiny"), tinyText(t, c.json)
			fixture.InScope(t, func() {
				ids := f.Tensor("text.ids")
				before := torch.LiveHandles()
				out := m.Forward(ids)
				if left := torch.LiveHandles() - before; left != 1 {
					t.Errorf("%d tensors were left, want the output alone", left)
				}
				f.Near(c.want, out, 1e-5)
			})
		})
	}
}

// Causal: a token does not change what stands before it.
func TestTextModelIsCausal(t *testing.T) {
	torchtest.Require(t)
	m := tinyText(t, `{"num_attention_heads": 4}`)
	fixture.InScope(t, func() {
		a := m.Forward(torch.FromInt64s([]int64{5, 6, 7, 8}, 1, 4))
		b := m.Forward(torch.FromInt64s([]int64{5, 6, 9, 9}, 1, 4))
		fixture.Near(t, "the first two", b.Narrow(1, 0, 2), a.Narrow(1, 0, 2), 1e-6)
		if d, _ := fixture.Difference(b.Narrow(1, 2, 1), a.Narrow(1, 2, 1)); d < 1e-3 {
			t.Errorf("the third differs by %g only", d)
		}
	})
}

func TestTextModelRefusesBadTokens(t *testing.T) {
	torchtest.Require(t)
	m := tinyText(t, `{"num_attention_heads": 4}`)
	for name, ids := range map[string][]int64{"outside the vocabulary": {1 << 40}, "negative": {-1}, "too many": make([]int64, 25)} {
		err := torch.InScope(func() error {
			m.Forward(torch.FromInt64s(ids, 1, int64(len(ids))))
			return nil
		})
		var e *torch.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v, want a *torch.Error", name, err)
		}
	}
}

func TestTextConfigIsDetectedFromShapes(t *testing.T) {
	for _, c := range []struct {
		shapes, json string
		want         TextConfig
	}{
		{"sd15-text", `{}`, TextConfig{Vocab: 49408, Positions: 77, Width: 768, Hidden: 3072, Layers: 12, Heads: 12, Activation: "quick_gelu", Eps: 1e-5}},
		{"sd21-text", `{"hidden_act": "gelu"}`, TextConfig{Vocab: 49408, Positions: 77, Width: 1024, Hidden: 4096, Layers: 23, Heads: 16, Activation: "gelu", Eps: 1e-5}},
	} {
		got, err := TextConfigFromWeights(fixture.ReadShapes(t, c.shapes), fixture.Settings(t, c.json))
		if err != nil {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.shapes, got, c.want)
		}
	}
}

func TestTextMistakesAreReportedTogether(t *testing.T) {
	torchtest.Require(t)
	src := fixture.ReadShapes(t, "sd15-text")
	delete(src, "embeddings.position_embedding.weight")
	src["embeddings.token_embedding.weight"] = []int64{49408}
	_, err := TextConfigFromWeights(src, fixture.Settings(t, `{"hidden_act": "relu", "num_attention_heads": 1.5}`))
	for _, want := range []string{"position_embedding", "[49408]", "relu", "num_attention_heads"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v\ndoes not have %q", err, want)
		}
	}

	src = fixture.ReadShapes(t, "sd15-text")
	cfg, err := TextConfigFromWeights(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	delete(src, "encoder.layers.3.self_attn.q_proj.weight")
	src["encoder.layers.11.mlp.fc2.weight"] = []int64{768, 3071}
	_, err = NewTextModel(weights.NewParams(src, torch.Float32, torch.CPU), cfg)
	for _, want := range []string{"layers.3.self_attn.q_proj.weight", "[768 3071], expected [768 3072]"} {
		if !strings.Contains(fixture.Messages(err), want) {
			t.Errorf("error does not have %q", want)
		}
	}
}

func TestTinyTokenizerBelongsToTinyModel(t *testing.T) {
	tok, err := LoadTokenizerFolder(filepath.Join(fixture.Dir("tiny"), "tokenizer"))
	if err != nil {
		t.Fatal(err)
	}
	if got := tok.Count("a photo of two cats and a dog"); got != 8 {
		t.Errorf("%d tokens, want 8", got)
	}
}
