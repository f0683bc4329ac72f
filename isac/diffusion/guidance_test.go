package diffusion

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/isac/prompt"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// guidanceCases is testdata/guidance/fixture.json: guided steps that isac/testdata/make_isac.py took on the mini model, in plain
// PyTorch through diffusers' UNet.
type guidanceCases struct {
	SHA256 map[string]string `json:"sha256"`
	Cases  []struct {
		Name, Prompt, Preset string
		Timestep             float64
		Index, Count         int
		Height, Width        int
		Classes              []struct {
			Count  int
			Tokens []int
		}
		Instance, Cls, Loss float64
		Foreground          int
	}
}

// loadGuidance reads the cases and the mini model, which must be the one that they were made with.
func loadGuidance(t *testing.T) (*Pipeline, *fixture.Fixture, guidanceCases) {
	t.Helper()
	torchtest.Require(t)
	const command = "python isac/testdata/make_isac.py mini"
	var cases guidanceCases
	text, err := os.ReadFile(filepath.Join(fixture.Dir("guidance"), "fixture.json"))
	if err == nil {
		err = json.Unmarshal(text, &cases)
	}
	if err != nil {
		t.Fatalf("%v: write the fixture with %s", err, command)
	}
	path := filepath.Join(fixture.Dir("guidance"), "..", "..", "..", "..", "examples", "mini", "model")
	for name, want := range cases.SHA256 {
		data, err := os.ReadFile(filepath.Join(path, name))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != want {
			t.Fatalf("%s in %s is not the file that the fixture was made with: run %s", name, path, command)
		}
	}
	return load(t, path, LoadOptions{}), fixture.Open(t, "guidance"), cases
}

// TestGuidedStepEqualsPlainPyTorch takes guided steps on the mini model, at several timesteps, for several prompts and both presets,
// and compares targets, losses, gradients and stepped latents with the script's, which are in double precision.
func TestGuidedStepEqualsPlainPyTorch(t *testing.T) {
	p, f, cases := loadGuidance(t)
	for _, c := range cases.Cases {
		t.Run(c.Name, func(t *testing.T) {
			conditioning := encode(t, p, c.Prompt)
			target, err := methods.TargetFromPrompt(prompt.Parse(c.Prompt), conditioning.Spans)
			if err != nil {
				t.Fatal(err)
			}
			if len(target.Classes) != len(c.Classes) {
				t.Fatalf("target %+v, want %+v", target, c.Classes)
			}
			for i, class := range target.Classes {
				if class.Count != c.Classes[i].Count || !reflect.DeepEqual(class.Tokens, c.Classes[i].Tokens) {
					t.Fatalf("class %+v, want %+v", class, c.Classes[i])
				}
			}
			opt, err := isac.Preset(c.Preset)
			if err != nil {
				t.Fatal(err)
			}
			opt.Start, opt.End = 0, 1
			session, err := guidance.Open(guidance.Config{Model: p.Conditional(conditioning), Noise: p.Noise(), Method: opt, Target: target})
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close()
			fixture.InScope(t, func() {
				var labels []int
				for _, l := range f.Tensor(c.Name + "/labels").Int64s() {
					labels = append(labels, int(l))
				}
				if err := session.Resume(labels, c.Height, c.Width); err != nil {
					t.Fatal(err)
				}
				x := f.Tensor(c.Name + "/x")
				sigma := p.Noise().SigmaAt(c.Timestep)
				stepped, report, err := session.Guide(p.Noise().Output(x, sigma), guidance.Step{Index: c.Index, Count: c.Count, Sigma: sigma})
				if err != nil || report.Skipped != "" {
					t.Fatalf("%v, skipped %q", err, report.Skipped)
				}
				if report.Foreground != c.Foreground || !reflect.DeepEqual(report.Labels, labels) {
					t.Fatalf("foreground of %d pixels, want %d; the same instances: %v", report.Foreground, c.Foreground, reflect.DeepEqual(report.Labels, labels))
				}
				numbers := func(v ...float64) torch.Tensor { return torch.FromFloat64s(v) }
				fixture.Near(t, "losses", numbers(loss(report, isac.LossInstance), loss(report, isac.LossClass), report.Loss), numbers(c.Instance, c.Cls, c.Loss), 1e-4)
				if report.Timestep != c.Timestep {
					t.Errorf("timestep %v, want %v", report.Timestep, c.Timestep)
				}
				stepped = p.Noise().Input(stepped, sigma)
				f.Near(c.Name+"/stepped", stepped, 1e-4)
				// A step is η·‖X‖ or η·‖∇‖ long whatever is wrong with its direction, so the gradient itself is compared too.
				want := f.Tensor(c.Name + "/gradient")
				gradient := x.Sub(stepped)
				fixture.Near(t, c.Name+"/gradient", gradient.MulScalar(want.NormAll().Item()/gradient.NormAll().Item()), want, 1e-3)
				fixture.Near(t, "‖gradient‖", numbers(report.GradNorm), numbers(want.NormAll().Item()), 1e-4)
			})
		})
	}
}

func loss(r guidance.Report, name string) float64 {
	l, _ := r.Named(name)
	return l.Value
}
