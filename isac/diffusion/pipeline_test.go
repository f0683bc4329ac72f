package diffusion

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// load loads a model for one test.
func load(t testing.TB, path string, opt LoadOptions) *Pipeline {
	t.Helper()
	p, err := Load(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func loadTiny(t testing.TB) *Pipeline {
	t.Helper()
	torchtest.Require(t)
	return load(t, fixture.Dir("tiny"), LoadOptions{})
}

// encode encodes a prompt for one test.
func encode(t testing.TB, p *Pipeline, prompt string) Conditioning {
	t.Helper()
	c, err := p.EncodePrompt(prompt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// tokens gives the positions of a word in a prompt.
func tokens(c Conditioning, word string) []int {
	start := strings.Index(c.Prompt, word)
	var positions []int
	for i, s := range c.Spans {
		if s[0] < s[1] && s[0] >= start && s[1] <= start+len(word) {
			positions = append(positions, i)
		}
	}
	return positions
}

func TestLoadedModelSaysWhatItIs(t *testing.T) {
	p := loadTiny(t)
	if p.Factor() != 4 || p.LatentChannels() != 4 || p.NativeSize() != 32 || p.Device() != torch.CPU {
		t.Errorf("factor %d, channels %d, size %d, device %s; want 4, 4, 32, cpu", p.Factor(), p.LatentChannels(), p.NativeSize(), p.Device())
	}
	if n := len(p.Noise().Sigmas()); n != 1000 {
		t.Errorf("%d timesteps, want 1000", n)
	}
}

func TestClosedTwice(t *testing.T) {
	torchtest.Require(t)
	before := torch.LiveHandles()
	p, err := Load(fixture.Dir("tiny"), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if torch.LiveHandles() == before {
		t.Error("a loaded model has no weights")
	}
	p.Close()
	p.Close()
	if left := torch.LiveHandles() - before; left != 0 {
		t.Errorf("%d tensors are left after Close", left)
	}
}

func TestEncodePrompt(t *testing.T) {
	p := loadTiny(t)
	c := encode(t, p, "a photo of two cats and a dog")
	if s := c.Hidden.Shape(); len(s) != 3 || s[0] != 1 || s[1] != 24 || s[2] != 32 {
		t.Errorf("shape %v, want [1 24 32]", s)
	}
	if got := tokens(c, "cats"); len(got) != 1 || got[0] != 5 {
		t.Errorf("cats at %v, want [5]", got)
	}
	if len(c.Notes) != 0 {
		t.Errorf("notes %q, want none", c.Notes)
	}

	text := strings.Repeat("cat ", 21) + "and dog, two dogs"
	long := encode(t, p, text)
	if s := long.Hidden.Shape(); s[1] != 48 || len(long.Spans) != 48 {
		t.Errorf("a long prompt has %d positions and %d spans, want 48", s[1], len(long.Spans))
	}
	if len(long.Notes) != 1 || !strings.Contains(long.Notes[0], "26 tokens") || !strings.Contains(long.Notes[0], "2 chunks of 24") {
		t.Errorf("notes %q, want one that tells of two chunks", long.Notes)
	}
	if got := tokens(long, "dogs"); len(got) != 1 || got[0] <= 24 {
		t.Errorf("dogs at %v, want a place in the second chunk", got)
	}
	for _, weight := range []string{"nan", "inf", "-1e40"} {
		if _, err := p.EncodePrompt("a (cat:" + weight + ")"); !errors.Is(err, ErrWeight) {
			t.Errorf("weight %s: %v, want ErrWeight", weight, err)
		}
	}
}

func TestConditionalGivesEveryLayer(t *testing.T) {
	p := loadTiny(t)
	c := encode(t, p, "a dog")
	f := fixture.Open(t, "tiny")
	fixture.InScope(t, func() {
		torch.WithGrad(func() {
			x := torch.Ones([]int64{1, 4, 8, 6}, torch.Float32, torch.CPU).SetRequiresGrad(true)
			before := torch.LiveHandles()
			taps, err := p.Conditional(c).Taps(x, 500)
			if err != nil {
				t.Fatal(err)
			}
			if len(taps) != len(f.About.Taps) {
				t.Fatalf("%d layers, want %d", len(taps), len(f.About.Taps))
			}
			if first := taps[0]; first.Height != 8 || first.Width != 6 || first.Q.Size(2) != 48 || !first.Has(attention.Image) || !first.Q.RequiresGrad() {
				t.Errorf("first layer %+v", first)
			}
			if last := taps[len(taps)-1]; !last.Has(attention.Text) || last.K.Size(2) != 24 {
				t.Errorf("last layer %+v", last)
			}
			if made := torch.LiveHandles() - before; made > 2*len(taps)+4 {
				t.Errorf("%d tensors were left, want about %d queries and keys", made, 2*len(taps))
			}
		})
	})
}

func TestImagesAndLatents(t *testing.T) {
	p := loadTiny(t)
	f := fixture.Open(t, "tiny")
	fixture.InScope(t, func() {
		want := f.Tensor("vae.decoded").MulScalar(0.5).AddScalar(0.5).Clamp(0, 1).Permute(0, 2, 3, 1)
		got, err := p.DecodeLatent(f.Tensor("vae.z"))
		if err != nil {
			t.Fatal(err)
		}
		defer got.Close()
		fixture.Near(t, "image", got, want, 1e-5)

		pixels := f.Tensor("vae.image").MulScalar(0.5).AddScalar(0.5).Permute(0, 2, 3, 1)
		z, err := p.EncodeImage(t.Context(), torch.Cat([]torch.Tensor{pixels, pixels}, 0))
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		f.Near("vae.mean", z.Narrow(0, 1, 1), 1e-5)

		images, err := Images(got)
		if err != nil || len(images) != 1 || images[0].Bounds().Dx() != 24 || images[0].Bounds().Dy() != 32 {
			t.Fatalf("images %v, error %v", images, err)
		}
		values := got.Float32s()
		at := images[0].NRGBAAt(5, 7)
		if i := (7*24 + 5) * 3; at.R != uint8(255*values[i]) || at.G != uint8(255*values[i+1]) || at.B != uint8(255*values[i+2]) || at.A != 255 {
			t.Errorf("pixel %v, want %v·255", at, values[i:i+3])
		}
	})
	fixture.InScope(t, func() { // values outside of 0..1 end at black and white, 255·v is rounded down
		images, err := Images(torch.FromFloat32s([]float32{-0.2, 0.5, 1.3, 1, 0, 0.999}, 1, 1, 2, 3))
		if err != nil || !slices.Equal(images[0].Pix, []uint8{0, 127, 255, 255, 255, 0, 254, 255}) {
			t.Errorf("bytes %v, %v", images[0].Pix, err)
		}
	})
	for name, try := range map[string]func() error{
		"three channels": func() error {
			_, err := p.DecodeLatent(torch.Zeros([]int64{1, 3, 8, 8}, torch.Float32, torch.CPU))
			return err
		},
		"not a number": func() error {
			_, err := p.DecodeLatent(torch.Zeros([]int64{1, 4, 8, 8}, torch.Float32, torch.CPU).LogicalNot().To(torch.Float32).Log().Sqrt().Neg().Log())
			return err
		},
		"30 pixels": func() error {
			_, err := p.EncodeImage(t.Context(), torch.Zeros([]int64{1, 30, 32, 3}, torch.Float32, torch.CPU))
			return err
		},
		"channels first": func() error {
			_, err := p.EncodeImage(t.Context(), torch.Zeros([]int64{1, 3, 32, 32}, torch.Float32, torch.CPU))
			return err
		},
	} {
		if err := torch.InScope(try); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// copyModel copies the tiny model to where a test may break it.
func copyModel(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(fixture.Dir("tiny"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// edit changes a file of a model.
func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(data), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestBrokenModels(t *testing.T) {
	torchtest.Require(t)
	const unetFile, vaeFile = "unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors"
	nan := func(data []byte) []byte { copy(data[len(data)-4:], []byte{0, 0x7e, 0, 0x7e}); return data }
	rename := func(from, to string) func([]byte) []byte {
		return func(data []byte) []byte { return bytes.Replace(data, []byte(from), []byte(to), 1) }
	}
	for _, c := range []struct {
		name  string
		spoil func(dir string)
		want  []string
		is    error
	}{
		{"weights that are not numbers, in two files", func(dir string) {
			edit(t, filepath.Join(dir, unetFile), nan)
			edit(t, filepath.Join(dir, vaeFile), nan)
		}, []string{"unet", "vae", "NaN"}, weights.ErrNotFinite},
		{"tensors missing in all files", func(dir string) {
			edit(t, filepath.Join(dir, unetFile), rename(`"conv_norm_out.bias"`, `"conv_norm_out.bios"`))
			edit(t, filepath.Join(dir, vaeFile), rename(`"decoder.conv_norm_out.bias"`, `"decoder.conv_norm_out.bios"`))
			edit(t, filepath.Join(dir, "text_encoder/model.safetensors"), rename(`"final_layer_norm.bias"`, `"final_layer_norm.bios"`))
		}, []string{"unet: ", `"conv_norm_out.bias"`, `"decoder.conv_norm_out.bias"`, "final_layer_norm.bias"}, weights.ErrMissing},
		{"groups that do not divide", func(dir string) {
			edit(t, filepath.Join(dir, "unet/config.json"), rename(`"norm_num_groups": 4`, `"norm_num_groups": 5`))
		}, []string{"8 channels cannot be normalised in 5 groups", "norm_num_groups"}, nil},
		{"schedule and prediction", func(dir string) {
			edit(t, filepath.Join(dir, "scheduler/scheduler_config.json"), rename(`"scaled_linear"`, `"squaredcos_cap_v2"`))
			edit(t, filepath.Join(dir, "scheduler/scheduler_config.json"), rename(`"epsilon"`, `"sample"`))
		}, []string{"squaredcos_cap_v2", `"sample"`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copyModel(t)
			c.spoil(dir)
			before := torch.LiveHandles()
			p, err := Load(dir, LoadOptions{})
			if err == nil {
				p.Close()
				t.Fatal("it loads")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q\ndoes not have %q", err, want)
				}
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("error is not %v", c.is)
			}
			if left := torch.LiveHandles() - before; left != 0 {
				t.Errorf("%d tensors were left", left)
			}
		})
	}
}
