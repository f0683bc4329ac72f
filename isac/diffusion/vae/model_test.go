package vae

import (
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// source opens the tiny model's weights, with its config.json.
func source(t *testing.T) (*weights.File, map[string]any) {
	t.Helper()
	return folder(t, "tiny")
}

// folder opens the autoencoder of a diffusers folder of testdata.
func folder(t *testing.T, name string) (*weights.File, map[string]any) {
	t.Helper()
	dir := filepath.Join(fixture.Dir(name), "vae")
	return fixture.Weights(t, filepath.Join(dir, "diffusion_pytorch_model.safetensors"), filepath.Join(dir, "config.json"))
}

func build(t *testing.T, src weights.Source, json map[string]any) *Model {
	t.Helper()
	cfg, err := ConfigFromWeights(src, json)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(weights.NewParams(src, torch.Float32, torch.CPU), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func TestEqualsDiffusers(t *testing.T) {
	torchtest.Require(t)
	f := fixture.Open(t, "tiny")
	src, json := source(t)
	m := build(t, src, json)
	fixture.InScope(t, func() {
		f.Near("vae.decoded", m.Decode(f.Tensor("vae.z")), 1e-5)
		mean, logvar, err := m.Moments(f.Tensor("vae.image"))
		if err != nil {
			t.Fatal(err)
		}
		f.Near("vae.mean", mean, 1e-5)
		f.Near("vae.logvar", logvar, 1e-5)
		encoded, err := m.Encode(f.Tensor("vae.image"))
		if err != nil {
			t.Fatal(err)
		}
		f.Near("vae.mean", encoded, 1e-5)
	})
}

// pointwise shows the attention's weights as 1×1 convolutions, as original checkpoints have them.
type pointwise struct{ weights.Source }

func attends(name string) bool {
	return strings.Contains(name, ".attentions.") && strings.HasSuffix(name, ".weight") && !strings.Contains(name, "group_norm")
}

func (p pointwise) Shape(name string) ([]int64, bool) {
	s, ok := p.Source.Shape(name)
	if ok && attends(name) {
		s = append(s, 1, 1)
	}
	return s, ok
}

func (p pointwise) Tensor(name string) (torch.Tensor, error) {
	t, err := p.Source.Tensor(name)
	if err == nil && attends(name) {
		t = t.Unsqueeze(-1).Unsqueeze(-1)
	}
	return t, err
}

func TestAttentionStoredAsConvolutions(t *testing.T) {
	torchtest.Require(t)
	f := fixture.Open(t, "tiny")
	src, json := source(t)
	m := build(t, pointwise{src}, json)
	fixture.InScope(t, func() { f.Near("vae.decoded", m.Decode(f.Tensor("vae.z")), 1e-5) })
}

func TestDecoderAlone(t *testing.T) {
	torchtest.Require(t)
	f := fixture.Open(t, "tiny")
	src, json := source(t)
	names := map[string]string{}
	for _, name := range src.Names() {
		if !strings.HasPrefix(name, "encoder.") && !strings.HasPrefix(name, "quant_conv.") {
			names[name] = name
		}
	}
	m := build(t, weights.Renamed(src, names), json)
	fixture.InScope(t, func() {
		f.Near("vae.decoded", m.Decode(f.Tensor("vae.z")), 1e-5)
		if _, err := m.Encode(f.Tensor("vae.image")); !errors.Is(err, weights.ErrMissing) {
			t.Errorf("encoding without an encoder: got %v, want ErrMissing", err)
		}
	})
}

func TestConfigIsDetectedFromShapes(t *testing.T) {
	want := Config{
		ImageChannels: 3, LatentChannels: 4, MidAttention: true, QuantConv: true, Encoder: true, Groups: 32, Scaling: 0.18215,
		Levels: []Level{{128, 2, 3}, {256, 2, 3}, {512, 2, 3}, {512, 2, 3}},
	}
	got, err := ConfigFromWeights(fixture.ReadShapes(t, "sd15-vae"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) || got.Factor() != 8 {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestEveryTensorOfStableDiffusionHasItsPlace(t *testing.T) {
	torchtest.Require(t)
	src := fixture.ReadShapes(t, "sd15-vae")
	cfg, err := ConfigFromWeights(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := weights.NewParams(src, torch.Float32, torch.CPU)
	_, err = New(p, cfg)
	fixture.Whole(t, p, err)
}

func TestMistakesAreReportedTogether(t *testing.T) {
	torchtest.Require(t)
	src := fixture.ReadShapes(t, "sd15-vae")
	delete(src, "decoder.conv_out.weight")
	src["decoder.conv_in.weight"] = []int64{512, 4}
	_, err := ConfigFromWeights(src, fixture.Settings(t, `{"scaling_factor": 0, "act_fn": "mish", "norm_num_groups": "many"}`))
	for _, want := range []string{"decoder.conv_out.weight", "[512 4]", "scaling_factor", "mish", "norm_num_groups"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v\ndoes not have %q", err, want)
		}
	}

	src = fixture.ReadShapes(t, "sd15-vae")
	cfg, err := ConfigFromWeights(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	delete(src, "post_quant_conv.bias")
	src["encoder.conv_out.weight"] = []int64{4, 512, 3, 3}
	_, err = New(weights.NewParams(src, torch.Float32, torch.CPU), cfg)
	if !errors.Is(err, weights.ErrMissing) || !errors.Is(err, weights.ErrShape) {
		t.Errorf("got %v, want ErrMissing and ErrShape", err)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	torchtest.Require(t)
	src, json := source(t)
	m := build(t, src, json)
	fixture.InScope(t, func() {
		z := torch.Full([]int64{1, 4, 3, 5}, math.Pi, torch.Float32, torch.CPU)
		before := torch.LiveHandles()
		image := m.Decode(z)
		if _, err := m.Encode(image); err != nil {
			t.Fatal(err)
		}
		if left := torch.LiveHandles() - before; left != 2 {
			t.Errorf("%d tensors were left, want image and latent", left)
		}
	})
}
