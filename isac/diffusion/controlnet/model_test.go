package controlnet

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/denoiser/unet"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// open loads a control net of testdata/control and the UNet that it is for.
func open(t *testing.T, name string, change func(*Config)) (*Model, *unet.Model) {
	t.Helper()
	file, settings := fixture.Weights(t, filepath.Join(fixture.Dir("control"), name+".safetensors"), filepath.Join(fixture.Dir("control"), name+".json"))
	cfg, err := ConfigFromWeights(file, settings)
	if err != nil {
		t.Fatal(err)
	}
	change(&cfg)
	net, err := New(weights.NewParams(file, torch.Float32, torch.CPU), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(net.Close)
	folder := filepath.Join(fixture.Dir(name), "unet")
	file, settings = fixture.Weights(t, filepath.Join(folder, "diffusion_pytorch_model.safetensors"), filepath.Join(folder, "config.json"))
	of, err := unet.ConfigFromWeights(file, settings)
	if err != nil {
		t.Fatal(err)
	}
	model, err := unet.New(weights.NewParams(file, torch.Float32, torch.CPU), of)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(model.Close)
	if err := cfg.Fits(of); err != nil {
		t.Error(err)
	}
	return net, model
}

// TestEqualsDiffusers holds residuals, the UNet's output with them, and the gradient through both networks against diffusers'.
func TestEqualsDiffusers(t *testing.T) {
	torchtest.Require(t)
	for _, name := range []string{"tiny-sd2", "tiny-sdxl"} {
		for _, pool := range []bool{false, true} {
			for _, checkpoint := range []bool{false, true} {
				net, model := open(t, name, func(c *Config) { c.Pool = pool })
				net.Checkpoint(checkpoint)
				model.Checkpoint(checkpoint)
				f, key := fixture.Open(t, "control"), "net."+name+"."
				fixture.InScope(t, func() {
					x, text, vector := f.Tensor(key+"x").SetRequiresGrad(true), f.Tensor(key+"text"), torch.Tensor{}
					if model.Config.Vector != 0 {
						var err error
						vector, err = model.Config.AddedVector(f.Tensor(key+"pooled"), unet.Sizes{Height: 64, Width: 64, TargetHeight: 64, TargetWidth: 64})
						if err != nil {
							t.Fatal(err)
						}
					}
					hint := net.Hint(f.Tensor(key + "picture"))
					want := key
					if pool {
						want = key + "pooled_"
					}
					torch.WithGrad(func() {
						add, err := net.Forward(context.Background(), x, 400, text, vector, hint)
						if err != nil {
							t.Fatal(err)
						}
						out, err := model.ForwardControlled(context.Background(), x, 400, text, vector, add, nil)
						if err != nil {
							t.Fatal(err)
						}
						f.Near(want+"skip", add.Skips[2].Detach(), 1e-4)
						f.Near(want+"bottom", add.Bottom.Detach(), 1e-4)
						f.Near(want+"out", out.Detach(), 1e-4)
						f.Near(want+"grad", torch.Grad(out.Mul(f.Tensor(key+"weighting")).SumAll(), x)[0], 1e-4)
					})
				})
			}
		}
	}
}

// TestFreesWhatItMade holds that nothing but the residuals is left, and nothing where it was cancelled.
func TestFreesWhatItMade(t *testing.T) {
	torchtest.Require(t)
	net, _ := open(t, "tiny-sd2", func(*Config) {})
	f, key := fixture.Open(t, "control"), "net.tiny-sd2."
	fixture.InScope(t, func() {
		x, text, hint := f.Tensor(key+"x"), f.Tensor(key+"text"), net.Hint(f.Tensor(key+"picture"))
		before := torch.LiveHandles()
		add, err := net.Forward(context.Background(), x, 1, text, torch.Tensor{}, hint)
		if err != nil {
			t.Fatal(err)
		}
		if made := torch.LiveHandles() - before; made != len(add.Skips)+1 {
			t.Errorf("%d tensors were left of %d residuals", made, len(add.Skips)+1)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		before = torch.LiveHandles()
		if _, err := net.Forward(ctx, x, 1, text, torch.Tensor{}, hint); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if left := torch.LiveHandles() - before; left != 0 {
			t.Errorf("%d tensors were left", left)
		}
	})
}

// TestOtherModels holds that a net is not added to another model's UNet, and that a UNet takes no other number of residuals.
func TestOtherModels(t *testing.T) {
	torchtest.Require(t)
	net, own := open(t, "tiny-sd2", func(*Config) {})
	sd1, xl := own.Config, own.Config
	sd1.Context, xl.Context = 768, 2048
	like := net.Config
	like.Encoder.Context = 2048
	fixture.Mentions(t, like.Fits(sd1), "it is for Stable Diffusion XL", "2048", "the model is Stable Diffusion 1.x", "768")
	like = net.Config
	like.Encoder.Vector = 2816
	fixture.Mentions(t, like.Fits(own.Config), "vector of width 2816")
	_, other := open(t, "tiny-sdxl", func(*Config) {})
	like = net.Config
	like.Encoder.Context, like.Encoder.Vector = other.Config.Context, other.Config.Vector
	fixture.Mentions(t, like.Fits(other.Config), "states have")
	err := torch.InScope(func() error {
		x := torch.Zeros([]int64{1, 4, 4, 4}, torch.Float32, torch.CPU)
		_, err := own.ForwardControlled(context.Background(), x, 1, torch.Zeros([]int64{1, 5, 32}, torch.Float32, torch.CPU), torch.Tensor{},
			denoiser.Residuals{Skips: []torch.Tensor{x}, Bottom: x}, nil)
		return err
	})
	fixture.Mentions(t, err, "1 residuals", "4 states")
}

// TestConfigMistakes names what is missing and what is another kind of net.
func TestConfigMistakes(t *testing.T) {
	shapes := fixture.ReadShapes(t, "sd15-unet")
	_, err := ConfigFromWeights(shapes, nil)
	fixture.Mentions(t, err, "controlnet_cond_embedding.conv_in.weight", "missing")
	shapes["controlnet_cond_embedding.conv_in.weight"] = []int64{16, 3, 3, 3}
	shapes["controlnet_cond_embedding.blocks.0.weight"] = []int64{16, 16, 3, 3}
	shapes["task_embedding"] = []int64{6, 320}
	_, err = ConfigFromWeights(shapes, map[string]any{"controlnet_conditioning_channel_order": "bgr"})
	fixture.Mentions(t, err, "1 convolutions", "several kinds in one", "expected rgb")
}
