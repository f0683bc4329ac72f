package diffusion

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// loraCase is a case of testdata/lora.
type loraCase struct {
	Model          string
	Files          []string
	Denoiser, Text []float64
}

func loraCases(t *testing.T) []loraCase {
	t.Helper()
	var about struct{ Cases []loraCase }
	text, err := os.ReadFile(filepath.Join(fixture.Dir("lora"), "fixture.json"))
	if err == nil {
		err = json.Unmarshal(text, &about)
	}
	if err != nil || len(about.Cases) == 0 {
		t.Fatalf("%d cases, %v", len(about.Cases), err)
	}
	return about.Cases
}

// withLoRA is p with a LoRA of testdata/lora, or of a path, until the test ends.
func withLoRA(t *testing.T, p *Pipeline, l LoRA) *Pipeline {
	t.Helper()
	if !filepath.IsAbs(l.Path) {
		l.Path = filepath.Join(fixture.Dir("lora"), l.Path)
	}
	other, notes, err := p.WithLoRA(l)
	if err != nil {
		t.Fatal(err)
	}
	if len(notes) > 0 {
		t.Errorf("%s: notes %q", l.Path, notes)
	}
	t.Cleanup(other.Close)
	return other
}

// predicted is the denoiser's output for the fixture's inputs, and the gradient of it, weighted by the cosines of 0, 1, 2, …, with respect
// to x.
func predicted(t *testing.T, p *Pipeline, f *fixture.Fixture, model string) (out, grad torch.Tensor) {
	t.Helper()
	c := Conditioning{Hidden: f.Tensor(model + ".text"), Sizes: &family.Sizes{Height: 64, Width: 64, TargetHeight: 64, TargetWidth: 64}}
	if model != "tiny" {
		c.Pooled = f.Tensor(model + ".pooled")
	}
	text, vector, err := p.place(c, 64, 64)
	if err != nil {
		t.Fatal(err)
	}
	torch.WithGrad(func() {
		x := f.Tensor(model + ".x").To(p.DType()).SetRequiresGrad(true)
		if out, err = p.model.Denoiser.ForwardContext(context.Background(), x, 400, text, vector, nil); err != nil {
			t.Fatal(err)
		}
		values := make([]float32, out.Numel())
		for i := range values {
			values[i] = float32(i)
		}
		weight := torch.FromFloat32s(values, out.Shape()...).Cos().To(p.DType())
		out, grad = out.Detach(), torch.Grad(out.Mul(weight).SumAll(), x)[0]
	})
	return out, grad
}

// TestLoRAsEqualComfyUI holds outputs and gradients of denoisers and text encoders with one or several LoRAs of all kinds against ComfyUI's
// changed weights in diffusers' and transformers' networks; and afterwards the model without, with its blocks checkpointed or not.
func TestLoRAsEqualComfyUI(t *testing.T) {
	torchtest.Require(t)
	f := fixture.Open(t, "lora")
	for i, c := range loraCases(t) {
		t.Run(c.Model+" "+strings.Join(c.Files, " "), func(t *testing.T) {
			plain := load(t, fixture.Dir(c.Model), LoadOptions{Checkpoint: i%2 == 1})
			p := plain
			for k, file := range c.Files {
				p = withLoRA(t, p, LoRA{Path: file, Denoiser: c.Denoiser[k], Text: c.Text[k]})
			}
			for _, one := range []struct {
				p      *Pipeline
				prefix string
			}{{p, string(rune('0'+i)) + "."}, {plain, c.Model + ".plain."}} {
				fixture.InScope(t, func() {
					out, grad := predicted(t, one.p, f, c.Model)
					f.Near(one.prefix+"out", out, 1e-4)
					f.Near(one.prefix+"grad", grad, 1e-4)
					for n, e := range one.p.model.Text {
						number := string(rune('0' + n))
						encoded := e.Model.Encode(f.Tensor(c.Model+".plain.ids."+number), e.Tokenizer.EOS, 0)
						f.Near(one.prefix+"hidden."+number, encoded.Hidden, 1e-4)
						f.Near(one.prefix+"pooled."+number, encoded.Pooled, 1e-4)
					}
				})
			}
		})
	}
}

// TestLoRAOfStrengthNothing holds that strength 0 shares the networks, and that a model beside one with a LoRA stays as it was to the
// bit.
func TestLoRAOfStrengthNothing(t *testing.T) {
	torchtest.Require(t)
	plain, f := load(t, fixture.Dir("tiny"), LoadOptions{}), fixture.Open(t, "lora")
	fixture.InScope(t, func() {
		before, _ := predicted(t, plain, f, "tiny")
		nothing := withLoRA(t, plain, LoRA{Path: "tiny-lycoris.safetensors"})
		if nothing.model.Denoiser != plain.model.Denoiser || nothing.model.Text[0].Model != plain.model.Text[0].Model {
			t.Error("strength 0 made another network")
		}
		for _, file := range []string{"tiny-lycoris.safetensors", "tiny-kohya.safetensors"} {
			other := withLoRA(t, plain, LoRA{Path: file, Denoiser: 1})
			changed, _ := predicted(t, other, f, "tiny")
			after, _ := predicted(t, plain, f, "tiny")
			if slices.Equal(changed.Float32s(), before.Float32s()) || !slices.Equal(after.Float32s(), before.Float32s()) {
				t.Errorf("%s: the LoRA does nothing, or it changed the model that it is not of", file)
			}
		}
	})
}

// TestGuidanceSeesTheLoRA takes a guided run with a LoRA that layers add, and one with the same change as a whole difference of
// weights: guidance takes its gradient through the changed weights.
func TestGuidanceSeesTheLoRA(t *testing.T) {
	torchtest.Require(t)
	plain := load(t, fixture.Dir("tiny-sdxl"), LoadOptions{})
	whole := filepath.Join(t.TempDir(), "whole.safetensors")
	fixture.InScope(t, func() { differences(t, filepath.Join(fixture.Dir("lora"), "tiny-sdxl-released.safetensors"), whole) })
	added := withLoRA(t, plain, LoRA{Path: "tiny-sdxl-released.safetensors", Denoiser: 0.7, Text: 1})
	merged := withLoRA(t, plain, LoRA{Path: whole, Denoiser: 0.7, Text: 1})
	f := fixture.Open(t, "tiny-sdxl")
	run := func(p *Pipeline) (latent torch.Tensor, norm float64) {
		r := familyRequest(t, p, f)
		r.Sampler, r.Scheduler, r.Steps = "euler", "normal", 3
		r.Guidance = guided(r.Positive)
		out, reports, err := p.Sample(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(out.Close)
		return out, reports[0][0].GradNorm
	}
	fixture.InScope(t, func() {
		got, gradient := run(added)
		want, gradientWant := run(merged)
		without, gradientWithout := run(plain)
		fixture.Near(t, "the latent", got, want, 1e-3)
		if difference := gradient/gradientWant - 1; max(difference, -difference) > 1e-4 || gradient == gradientWithout || slices.Equal(got.Float32s(), without.Float32s()) {
			t.Errorf("the gradient's norm is %v, %v with merged weights, and %v without the LoRA", gradient, gradientWant, gradientWithout)
		}
	})
}

// TestLoRAsThatDoNotFitIntoMemory are refused before anything is made; what copies weights needs more.
func TestLoRAsThatDoNotFitIntoMemory(t *testing.T) {
	torchtest.Require(t)
	p := load(t, fixture.Dir("tiny"), LoadOptions{})
	p.maxMemory = 1
	before := torch.LiveHandles()
	for _, file := range []string{"tiny-kohya.safetensors", "tiny-lycoris.safetensors"} {
		_, _, err := p.WithLoRA(LoRA{Path: filepath.Join(fixture.Dir("lora"), file), Denoiser: 1})
		if short := (*MemoryError)(nil); !errors.As(err, &short) || short.What != "the LoRA" || short.Need < 5000 {
			t.Errorf("%s: %v", file, err)
		}
	}
	if left := torch.LiveHandles() - before; left != 0 {
		t.Errorf("%d tensors are left", left)
	}
}

// differences writes a kohya file with a "diff" in the place of each pair of matrices.
func differences(t *testing.T, from, to string) {
	t.Helper()
	src, err := weights.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	read := func(name string) torch.Tensor {
		x, err := src.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		return x.To(torch.Float32)
	}
	var entries []weights.Entry
	for _, name := range src.Names() {
		layer, ok := strings.CutSuffix(name, ".lora_down.weight")
		if !ok {
			continue
		}
		down, up := read(name), read(layer+".lora_up.weight")
		shape := down.Shape()
		shape[0] = up.Size(0)
		change := up.Flatten(1, -1).Matmul(down.Flatten(1, -1)).MulScalar(read(layer+".alpha").Item() / float64(down.Size(0)))
		entries = append(entries, weights.FromTensor(layer+".diff", change.Reshape(shape...)))
	}
	if err := weights.Write(to, entries, nil); err != nil {
		t.Fatal(err)
	}
}
