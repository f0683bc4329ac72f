package guidance_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/isac-guidance/isac/nodes"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/server"
)

// at gives a step of a run of 4 for one image of 16×16 at a σ, changed by fn.
func at(sigma float64, fn func(*plugin.GuidanceStep)) plugin.GuidanceStep {
	s := plugin.GuidanceStep{Count: 4, Level: plugin.AtSigma(sigma), Latents: noise(1, sigma, 1, 4, 16, 16)}
	if fn != nil {
		fn(&s)
	}
	return s
}

// TestMalformedOpens refuses each open with a sentence and the names of the fields, and leaves nothing behind; the service goes on.
func TestMalformedOpens(t *testing.T) {
	h := connect(t, "mini", "tiny-sdxl")
	hidden := func(shape ...int64) plugin.Tensor { return noise(1, 1, shape...) }
	nan := hidden(1, 32, 128)
	copy(nan.Data, plugin.NewTensor([]float32{float32(math.NaN())}).Data)
	for _, c := range []struct {
		name   string
		change func(*plugin.GuidanceConfig)
		says   string
		fields []string
	}{
		{"no checkpoint", func(c *plugin.GuidanceConfig) { c.Checkpoint = "" }, "CheckpointLoaderSimple offers", []string{"checkpoint"}},
		{"unknown checkpoint", func(c *plugin.GuidanceConfig) { c.Checkpoint = "nothing" }, "mini", []string{"checkpoint"}},
		{"a path out of the folders", func(c *plugin.GuidanceConfig) { c.Checkpoint = "../mini/model" }, "mini", []string{"checkpoint"}},
		{"no parametrisation", func(c *plugin.GuidanceConfig) { c.Parametrisation = 0 }, "COMFYUI or MODEL", []string{"parametrisation"}},
		{"unknown parametrisation", func(c *plugin.GuidanceConfig) { c.Parametrisation = 9 }, "COMFYUI or MODEL", []string{"parametrisation"}},
		{"too many images", func(c *plugin.GuidanceConfig) { c.Images = 65 }, "1 to 64", []string{"images"}},
		{"unknown method", func(c *plugin.GuidanceConfig) { c.Method = "magic" }, "use isac or attend_excite", []string{"method"}},
		{"a method that chooses", func(c *plugin.GuidanceConfig) { c.Method = "isac_ls" }, "isac_ls chooses among several runs", []string{"method"}},
		{"unknown preset", func(c *plugin.GuidanceConfig) { c.Preset = "best" }, "use classes or typed or paper", []string{"preset"}},
		{"unknown option", func(c *plugin.GuidanceConfig) { c.Options = map[string]string{"speed": "1"} }, `no option is called "speed"`, []string{"options"}},
		{"option of another type", func(c *plugin.GuidanceConfig) { c.Options = map[string]string{"eta": "much"} }, "number such as 0.05", []string{"options"}},
		{"option out of range", func(c *plugin.GuidanceConfig) { c.Options = map[string]string{"eta": "-1"} }, "above 0", []string{"options"}},
		{"reuse", func(c *plugin.GuidanceConfig) { c.Options = map[string]string{"reuse": "shared"} }, "reuse is shared, and a host evaluates its own model", []string{"options"}},
		{"nothing to count", func(c *plugin.GuidanceConfig) { c.Prompt = "quickly" }, "no countable class", []string{"prompt"}},
		{"no prompt", func(c *plugin.GuidanceConfig) { c.Prompt = "" }, "empty", []string{"prompt", "encoded"}},
		{"counts of other words", func(c *plugin.GuidanceConfig) { c.Counts = "horse=2" }, "horse", []string{"counts"}},
		{"counts and instances", func(c *plugin.GuidanceConfig) {
			c.Counts, c.Instances = "cat=2", []plugin.GuidanceInstances{{Name: "cat", Count: 2}}
		}, "one of the two", []string{"counts"}},
		{"no instance", func(c *plugin.GuidanceConfig) { c.Instances = []plugin.GuidanceInstances{{Name: "cat"}} }, "count of at least 1", []string{"instances"}},
		{"tokens of some", func(c *plugin.GuidanceConfig) {
			c.Instances = []plugin.GuidanceInstances{{Name: "cat", Count: 2, Tokens: []int{5}}, {Name: "dog", Count: 1}}
		}, "1 of 2 classes", []string{"instances"}},
		{"tokens beyond the text", func(c *plugin.GuidanceConfig) {
			c.Instances = []plugin.GuidanceInstances{{Name: "cat", Count: 2, Tokens: []int{5000}}}
		}, "outside the model's sequence", []string{"instances"}},
		{"one token for two", func(c *plugin.GuidanceConfig) {
			c.Instances = []plugin.GuidanceInstances{{Name: "cat", Count: 2, Tokens: []int{5}}, {Name: "dog", Count: 1, Tokens: []int{5}}}
		}, "belongs to cat already", []string{"instances"}},
		{"conditioning of another model", func(c *plugin.GuidanceConfig) { c.Hidden = hidden(1, 77, 7) }, "was it made by another model?", []string{"encoded"}},
		{"conditioning of a batch", func(c *plugin.GuidanceConfig) { c.Hidden = hidden(2, 77, 7) }, "expected [1 h w]", []string{"encoded.hidden"}},
		{"conditioning that is not finite", func(c *plugin.GuidanceConfig) { c.Hidden = nan }, "not finite", []string{"encoded"}},
		{"conditioning without an end", func(c *plugin.GuidanceConfig) {
			c.Hidden = hidden(1, 32, 128)
			c.Hidden.Data = c.Hidden.Data[:100]
		}, "100 bytes", []string{"encoded.hidden"}},
		{"no pooled text", func(c *plugin.GuidanceConfig) { c.Checkpoint, c.Hidden = "tiny-sdxl", hidden(1, 24, 40) }, "no pooled text", []string{"encoded"}},
		{"pooled text of another model", func(c *plugin.GuidanceConfig) {
			c.Checkpoint, c.Hidden, c.Pooled = "tiny-sdxl", hidden(1, 24, 40), hidden(1, 7)
		}, "pooled text of width 7", []string{"encoded"}},
		{"pooled text that is none", func(c *plugin.GuidanceConfig) {
			c.Checkpoint, c.Hidden, c.Pooled = "tiny-sdxl", hidden(1, 24, 40), hidden(1, 7, 7)
		}, "expected [1 w]", []string{"encoded.pooled"}},
		{"everything", func(c *plugin.GuidanceConfig) { *c = plugin.GuidanceConfig{Images: -1, Method: "magic"} }, "magic",
			[]string{"checkpoint", "parametrisation", "images", "prompt", "encoded", "method"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := simple()
			c.change(&config)
			s, err := h.Guidance.Open(t.Context(), config)
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			refused(t, err, plugin.KindInvalidInput, c.says, c.fields...)
		})
	}
	h.idle(t)
	h.open(t, simple())
}

// refused holds an error against what it has to be.
func refused(t *testing.T, err error, kind plugin.Kind, says string, fields ...string) {
	t.Helper()
	var own *plugin.Error
	if !errors.As(err, &own) {
		t.Fatalf("%v, expected a *plugin.Error", err)
	}
	if own.Kind != kind || !strings.Contains(own.Message, says) || !slices.Equal(own.Inputs, fields) {
		t.Errorf("%v of %q: %s\nexpected %v of %q: %q", own.Kind, own.Inputs, own.Message, kind, fields, says)
	}
	if code := own.GRPCStatus().Code(); code != codes.InvalidArgument && code != codes.FailedPrecondition {
		t.Errorf("status %v", code)
	}
}

// TestMalformedSteps refuses each step with a sentence, and the session guides the next one as if nothing had been.
func TestMalformedSteps(t *testing.T) {
	h := connect(t, "mini")
	want, err := h.open(t, simple()).Guide(t.Context(), at(10, nil))
	if err != nil || want.Reports[0].Moves != 1 {
		t.Fatalf("%+v, %v", want.Reports, err)
	}
	session := h.open(t, simple())
	nan := plugin.NewTensor([]float32{float32(math.NaN())}).Data
	for _, c := range []struct {
		name   string
		change func(*plugin.GuidanceStep)
		says   string
		fields []string
	}{
		{"no latents", func(s *plugin.GuidanceStep) { s.Latents = plugin.Tensor{} }, "missing", []string{"latents"}},
		{"three dimensions", func(s *plugin.GuidanceStep) { s.Latents.Shape = s.Latents.Shape[1:] }, "expected [1 4 h w]", []string{"latents"}},
		{"other channels", func(s *plugin.GuidanceStep) { s.Latents.Shape = []int64{1, 16, 8, 8} }, "expected [1 4 h w]", []string{"latents"}},
		{"two images", func(s *plugin.GuidanceStep) { s.Latents = noise(1, 1, 2, 4, 16, 16) }, "expected [1 4 h w]", []string{"latents"}},
		{"no pixels", func(s *plugin.GuidanceStep) {
			s.Latents = plugin.Tensor{DType: plugin.Float32, Shape: []int64{1, 4, 0, 16}}
		}, "sides of 1", []string{"latents"}},
		{"negative sides", func(s *plugin.GuidanceStep) { s.Latents.Shape = []int64{1, 4, -16, -16} }, "sides of 1", []string{"latents"}},
		{"endless sides", func(s *plugin.GuidanceStep) { s.Latents.Shape = []int64{1, 4, 1 << 62, 16} }, "sides of 1", []string{"latents"}},
		{"too few bytes", func(s *plugin.GuidanceStep) { s.Latents.Data = s.Latents.Data[1:] }, "4095 bytes", []string{"latents"}},
		{"another type's bytes", func(s *plugin.GuidanceStep) { s.Latents.DType = plugin.Float16 }, "has 2048", []string{"latents"}},
		{"no type", func(s *plugin.GuidanceStep) { s.Latents.DType = 0 }, "float32, float16 or bfloat16", []string{"latents"}},
		{"unknown type", func(s *plugin.GuidanceStep) { s.Latents.DType = 77 }, "float32, float16 or bfloat16", []string{"latents"}},
		{"NaN", func(s *plugin.GuidanceStep) { copy(s.Latents.Data[400:], nan) }, "not finite", []string{"latents"}},
		{"no noise level", func(s *plugin.GuidanceStep) { s.Level = plugin.NoiseLevel{} }, "at least one", []string{"sigma"}},
		{"no noise", func(s *plugin.GuidanceStep) { s.Level = plugin.AtSigma(0) }, "above 0", []string{"sigma"}},
		{"sigma below 0", func(s *plugin.GuidanceStep) { s.Level = plugin.AtSigma(-1) }, "above 0", []string{"sigma"}},
		{"sigma NaN", func(s *plugin.GuidanceStep) { s.Level = plugin.AtSigma(math.NaN()) }, "above 0", []string{"sigma"}},
		{"sigma infinite", func(s *plugin.GuidanceStep) { s.Level = plugin.AtSigma(math.Inf(1)) }, "above 0", []string{"sigma"}},
		{"sigma beyond the model's", func(s *plugin.GuidanceStep) { s.Level = plugin.AtSigma(4518) }, "gives the timestep too", []string{"sigma"}},
		{"timestep beyond the model's", func(s *plugin.GuidanceStep) { s.Level = plugin.AtTimestep(1000) }, "0 to 999", []string{"timestep"}},
		{"timestep NaN", func(s *plugin.GuidanceStep) { s.Level = plugin.AtTimestep(math.NaN()) }, "0 to 999", []string{"timestep"}},
		{"after the last step", func(s *plugin.GuidanceStep) { s.Index = 4 }, "0..count-1", []string{"index"}},
		{"before the first step", func(s *plugin.GuidanceStep) { s.Index = -1 }, "0..count-1", []string{"index"}},
		{"no steps", func(s *plugin.GuidanceStep) { s.Count = 0 }, "0..count-1", []string{"index"}},
		{"everything", func(s *plugin.GuidanceStep) { *s = plugin.GuidanceStep{} }, "missing", []string{"index", "sigma", "latents"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := session.Guide(t.Context(), at(10, c.change))
			refused(t, err, plugin.KindInvalidInput, c.says, c.fields...)
		})
	}
	got, err := session.Guide(t.Context(), at(10, nil))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Latents.Data, want.Latents.Data) {
		t.Error("refused steps changed what the session does")
	}
}

// TestRequestsThatFail are right in form and cannot be done; the session goes on.
func TestRequestsThatFail(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.safetensors")
	if err := os.WriteFile(broken, []byte("not a model"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := serve(t, server.Options{Registry: nodes.Standard(), ModelPaths: []string{filepath.Dir(broken), folder("tiny-sd3")}})
	config := simple()
	config.Checkpoint = filepath.Base(broken)
	_, err := h.Guidance.Open(t.Context(), config)
	refused(t, err, plugin.KindFailed, "broken.safetensors")
	config.Checkpoint = "tiny-sd3"
	session := h.open(t, config)
	channels := int64(session.Info.LatentChannels)
	step := plugin.GuidanceStep{Count: 4, Level: plugin.AtSigma(0.9), Latents: noise(1, 1, 1, channels, 512, 16)}
	_, err = session.Guide(t.Context(), step)
	refused(t, err, plugin.KindFailed, "make the image smaller")
	step.Latents = noise(1, 1, 1, channels, 8, 8)
	if result, err := session.Guide(t.Context(), step); err != nil || result.Reports[0].Moves != 1 {
		t.Errorf("after it: %+v, %v", result.Reports, err)
	}
}
