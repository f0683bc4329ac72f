//go:build unix

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/isac/prompt"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
	"github.com/isac-guidance/isac/plugin"
)

// root is the checkout, where the program is meant to be started.
var root = filepath.Join("..", "..")

const (
	text = "a photo of two cats and a dog"
	seed = 3
	side = 16
)

// build makes a program of the checkout.
func build(t *testing.T, name, source, cgo string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	cmd := exec.Command("go", "build", "-o", path, source)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED="+cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", source, err, out)
	}
	return path
}

// The program as a reader starts it: built without cgo, against the plugin of this checkout and the mini model.
func TestProgram(t *testing.T) {
	torchtest.Require(t)
	isac := build(t, plugin.BinaryName, "./plugin/isac-plugin", "1")
	cmd := exec.CommandContext(t.Context(), build(t, "go-client", "./examples/go-client", "0"))
	cmd.Dir, cmd.Env = root, append(os.Environ(), "ISAC_PLUGIN="+isac, torch.ShimEnv+"="+torch.GetInfo().Library)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{`2 of "cat" at tokens [`, `1 of "dog" at tokens [`, "step 1 at sigma 14.6: loss 0.", "step 3 at sigma 8.1: loss 0.", "moved by "} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it prints %q, expected %q", out, want)
		}
	}
}

// TestEulerWithAModel runs the loop with the mini model as the application's own, and package diffusion's sampler beside it.
func TestEulerWithAModel(t *testing.T) {
	torchtest.Require(t)
	model := filepath.Join(root, "examples", "mini", "model")
	p, err := diffusion.Load(model, diffusion.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	isac := build(t, plugin.BinaryName, "./plugin/isac-plugin", "1")
	c, err := plugin.Start(t.Context(), plugin.Config{Path: isac, Env: []string{plugin.EnvModels + "=" + model, torch.ShimEnv + "=" + torch.GetInfo().Library}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	session, err := c.Guidance.Open(t.Context(), plugin.GuidanceConfig{Checkpoint: "mini", Prompt: text, Seed: seed, Parametrisation: plugin.ParametrisationComfyUI})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	positive, err := p.EncodePrompt(text)
	if err != nil {
		t.Fatal(err)
	}
	defer positive.Close()
	sigmas, err := sampling.PartialSchedule("normal", p.Noise(), 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	err = torch.InScope(func() error {
		want := ours(t, p, positive)
		files, err := family.Open(model)
		if err != nil {
			return err
		}
		defer files.Close()
		own, err := family.Load(files, torch.Float32, torch.CPU)
		if err != nil {
			return err
		}
		defer own.Close()
		shape := []int64{1, 4, side, side}
		g := torch.NewGenerator(seed)
		defer g.Close()
		x := own.Noise.Noised(torch.Tensor{}, g.Randn(shape...), sigmas[0]).Float32s()
		x, err = euler(t.Context(), session, x, shape, sigmas, func(x []float32, sigma float64) (clean []float32, err error) {
			torch.NoGrad(func() {
				at := torch.FromFloat32s(x, shape...)
				var out torch.Tensor
				if out, err = own.Denoiser.ForwardContext(context.Background(), own.Noise.Input(at, sigma), own.Noise.Timestep(sigma), positive.Hidden, torch.Tensor{}, nil); err == nil {
					clean = own.Noise.Denoised(at, out, sigma).Float32s()
				}
			})
			return clean, err
		})
		if err != nil {
			return err
		}
		got := torch.FromFloat32s(x, shape...).DivScalar(own.VAE.Config.Scaling)
		if apart := got.Sub(want).NormAll().Item() / want.NormAll().Item(); !(apart < 1e-5) {
			t.Errorf("the latents are %g of their norm apart, expected less than 1e-5", apart)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ours is the same run of package diffusion.
func ours(t *testing.T, p *diffusion.Pipeline, positive diffusion.Conditioning) torch.Tensor {
	t.Helper()
	method, err := methods.Named("isac", "")
	if err != nil {
		t.Fatal(err)
	}
	target, err := methods.TargetFromPrompt(prompt.Parse(text), positive.Spans)
	if err != nil {
		t.Fatal(err)
	}
	latent, reports, err := p.Sample(context.Background(), diffusion.SampleRequest{
		Positive: positive, Width: side * p.Factor(), Height: side * p.Factor(), Steps: 4, CFG: 1, Denoise: 1, Seed: seed,
		Sampler: "euler", Scheduler: "normal", Guidance: &diffusion.Guidance{Method: method, Target: target},
	})
	if err != nil {
		t.Fatal(err)
	}
	if short := guidance.Shortfall(reports); short != "" || reports[0][0].Moves == 0 {
		t.Errorf("the run was not guided: %s", short)
	}
	defer latent.Close()
	return latent.Clone()
}
