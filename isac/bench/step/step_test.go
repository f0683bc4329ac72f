package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestMeasuresTheMiniModel holds that inputs come back as they were written, and that guided and unguided steps are measured on them.
func TestMeasuresTheMiniModel(t *testing.T) {
	torchtest.Require(t)
	f := &flags{
		model: filepath.Join("..", "..", "..", "examples", "mini", "model"), write: filepath.Join(t.TempDir(), "inputs.safetensors"),
		prompt: "a photo of two cats and a dog", device: "cpu", dtype: "float32", threads: 1, repeat: 2, began: 1,
	}
	if err := f.run(); err != nil {
		t.Fatal(err)
	}
	f.inputs, f.write = f.write, ""
	in, err := readInputs(f.inputs)
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	if c := in.step.Classes; len(c) != 2 || c[0].Name != "cat" || c[0].Count != 2 || c[1].Count != 1 || in.step.Pixels != 64 || in.step.Sigma < 5 {
		t.Errorf("%+v", in.step)
	}
	plain, err := f.measure()
	if err != nil {
		t.Fatal(err)
	}
	if len(plain.Seconds) != 2 || plain.Seconds[0] <= 0 || plain.GradNorm != 0 || plain.Labels != nil || plain.ReadySeconds <= 0 || plain.PeakBytes <= 0 {
		t.Errorf("unguided: %+v", plain)
	}
	f.guided = true
	var losses []float64
	for _, f.checkpoint = range []bool{false, true} {
		got, err := f.measure()
		if err != nil {
			t.Fatal(err)
		}
		if got.GradNorm <= 0 || got.Instance <= 0 || got.Class <= 0 || len(got.Labels) != 256 || got.KMeansSeconds <= 0 || got.KMeansFirstSeconds <= 0 {
			t.Errorf("guided: %+v", got)
		}
		// λ of the third of ten steps: 0.8 and 0.2, preset typed, schedule E.
		if want := 0.8*got.Instance + 0.2*got.Class; got.Loss < 0.999*want || got.Loss > 1.001*want {
			t.Errorf("the loss is %v, of its parts %v", got.Loss, want)
		}
		losses = append(losses, got.Loss)
	}
	if d := losses[0]/losses[1] - 1; d > 1e-4 || d < -1e-4 {
		t.Errorf("losses without and with checkpoints are %v", losses)
	}
}

// All mistakes of the flags are told at once, and a file of something else is none of inputs.
func TestFlags(t *testing.T) {
	err := (&flags{dtype: "int8"}).check()
	for _, want := range []string{"--model", "--write FILE", `"int8"`, "--threads 0"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	torchtest.Require(t)
	if _, err := readInputs(filepath.Join("..", "..", "..", "examples", "mini", "model", "unet", "diffusion_pytorch_model.safetensors")); err == nil || !strings.Contains(err.Error(), "--write") {
		t.Errorf("weights are inputs: %v", err)
	}
}
