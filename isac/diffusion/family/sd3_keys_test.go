package family

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/denoiser/mmdit"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// Every tensor of the real single files has diffusers' name and shape, and no other is made up.
func TestSD3TransformerHasDiffusersNames(t *testing.T) {
	for _, name := range []string{"sd35-medium", "sd3-medium"} {
		want := fixture.ReadShapes(t, name+"-transformer")
		got := sd3Transformer(fixture.ReadShapes(t, name+"-single"))
		if !slices.Equal(got.Names(), want.Names()) {
			t.Errorf("%s: %d names, expected %d", name, len(got.Names()), len(want))
		}
		for _, tensor := range got.Names() {
			shape, _ := got.Shape(tensor)
			if !slices.Equal(shape, want[tensor]) {
				t.Errorf("%s: %s has shape %v, expected %v", name, tensor, shape, want[tensor])
			}
		}
	}
}

func TestSD3TransformerKeepsWhatItDoesNotKnow(t *testing.T) {
	torchtest.Require(t)
	single := fixture.ReadShapes(t, "sd35-medium-single")
	single["register"] = []int64{1, 4, 1536}
	single["joint_blocks.2.x_block.attn3.qkv.weight"] = []int64{4608, 1536}
	src := sd3Transformer(single)
	if !src.Has("register") || !src.Has("joint_blocks.2.x_block.attn3.qkv.weight") {
		t.Error("tensors without a place are lost")
	}
	cfg, err := mmdit.ConfigFromWeights(src, nil)
	if err == nil || !errors.Is(err, weights.ErrUnsupported) {
		t.Errorf("configuration %+v, %v: expected a refusal of the names that were not mapped", cfg, err)
	}
}

// The tensors are those that diffusers' own conversion gives, and the model computes the same with them.
func TestSD3SingleFileComputesTheSame(t *testing.T) {
	torchtest.Require(t)
	f := fixture.Open(t, "tiny-sd3")
	single, err := weights.Open(filepath.Join(f.Dir, "single.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer single.Close()
	folder, err := weights.Open(filepath.Join(f.Dir, "transformer", "diffusion_pytorch_model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	src := sd3Transformer(weights.Prefix(single, "model.diffusion_model."))
	if !slices.Equal(src.Names(), folder.Names()) {
		t.Fatalf("names\n%s\nexpected\n%s", strings.Join(src.Names(), "\n"), strings.Join(folder.Names(), "\n"))
	}
	fixture.InScope(t, func() {
		for _, name := range src.Names() {
			got, err := src.Tensor(name)
			if err != nil {
				t.Fatal(err)
			}
			want, err := folder.Tensor(name)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Shape(), want.Shape()) || got.Ne(want).Any().Item() != 0 {
				t.Errorf("%s differs", name)
			}
		}
	})

	cfg, err := mmdit.ConfigFromWeights(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mmdit.New(weights.NewParams(src, torch.Float32, torch.CPU), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	fixture.InScope(t, func() {
		out, err := m.ForwardContext(context.Background(), f.Tensor("mmdit.x"), 500, f.Tensor("mmdit.context"), f.Tensor("mmdit.vector"), nil)
		if err != nil {
			t.Fatal(err)
		}
		f.Near("mmdit.out.500", out, 1e-5)
	})
}
