package explain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/prompt"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// loadMini loads the mini model for one test.
func loadMini(t *testing.T) *diffusion.Pipeline {
	t.Helper()
	torchtest.Require(t)
	p, err := diffusion.Load(filepath.Join("..", "..", "examples", "mini", "model"), diffusion.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// request is a short run that is guided in its first half.
func request() Request {
	options := isac.Typed()
	options.End = 0.5
	return Request{Prompt: "A photo of two cats and a dog.", Steps: 4, CFG: 3, Sampler: "ddim", Scheduler: "ddim_uniform", Seed: 3,
		Method: options, Preset: "typed", Shown: []int{3, 0, 0}}
}

func TestMiniModelExplained(t *testing.T) {
	p := loadMini(t)
	var first map[string][]byte
	for range 2 {
		r := request()
		var heard []int
		r.Progress = func(done, all int) { heard = append(heard, done, all) }
		c, err := Sample(context.Background(), p, r)
		if err != nil {
			t.Fatal(err)
		}
		if want := []int{1, 8, 2, 8, 3, 8, 4, 8, 5, 8, 6, 8, 7, 8, 8, 8}; !slices.Equal(heard, want) {
			t.Errorf("progress is %v, want %v", heard, want)
		}
		checkRuns(t, c)
		paths, err := Write(context.Background(), t.TempDir(), c)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string][]byte{}
		for _, path := range paths {
			if files[filepath.Base(path)], err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
		}
		if first == nil {
			first = files
			continue
		}
		for _, name := range []string{"overview.png", "step-00.png", "step-03.png", "losses.png", "plain.png", "guided.png", "maps.json"} {
			if len(files[name]) == 0 || !bytes.Equal(files[name], first[name]) {
				t.Errorf("%s has %d bytes, and %d the first time: expected the same", name, len(files[name]), len(first[name]))
			}
		}
		checkNumbers(t, files["maps.json"])
	}
}

// checkRuns checks what was seen against the definitions: the loss is the largest overlap, and stands where the peak is.
func checkRuns(t *testing.T, c *Comparison) {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	for i, run := range c.runs() {
		if len(run.Steps) != 4 {
			t.Fatalf("the %s run has %d steps, want 4", names[i], len(run.Steps))
		}
		for at, s := range run.Steps {
			if shown := at == 0 || at == 3; (s.Denoised != nil) != shown {
				t.Errorf("%s run, step %d: a preview is there: %v, want %v", names[i], at, s.Denoised != nil, shown)
			}
			if moved := i == 1 && at < 2; (s.Report.StepNorm > 0) != moved {
				t.Errorf("%s run, step %d: moved by %v", names[i], at, s.Report.StepNorm)
			}
		}
		s := run.Steps[0]
		for what, x := range map[string]struct {
			planes [][]float32
			peak   *guidance.Peak
			loss   float64
		}{"instances": {s.Masks, s.InstancePeak, lossOf(&s, isac.LossInstance)}, "classes": {s.Prop, s.ClassPeak, lossOf(&s, isac.LossClass)}} {
			largest := span{}
			values := overlap(x.planes)
			largest.over(values)
			if diff := largest.high - x.loss; diff > 1e-6 || diff < -1e-6 || x.peak == nil || float64(values[x.peak.Pixel]) != largest.high {
				t.Errorf("%s run: the largest overlap of %s is %v, its loss %v, its peak %v", names[i], what, largest.high, x.loss, x.peak)
			}
		}
	}
	if plain, guided := lossOf(&c.Plain.Steps[0], isac.LossInstance), lossOf(&c.Guided.Steps[0], isac.LossInstance); plain != guided {
		t.Errorf("before anything was moved the runs have losses %v and %v", plain, guided)
	}
	if samePicture(c.Plain.Image, c.Guided.Image) {
		t.Error("guidance changes nothing")
	}
}

func checkNumbers(t *testing.T, data []byte) {
	t.Helper()
	var n Numbers
	if err := json.Unmarshal(data, &n); err != nil {
		t.Fatal(err)
	}
	if len(n.Plain) != 4 || len(n.Guided) != 4 || !slices.Equal(n.Shown, []int{0, 3}) || n.Prompt != request().Prompt || n.Height < 2 {
		t.Errorf("maps.json holds %+v", n)
	}
	if want := []ClassCount{{"cat", 2}, {"dog", 1}}; !slices.Equal(n.Classes, want) {
		t.Errorf("classes are %v, want %v", n.Classes, want)
	}
	for i, s := range n.Plain {
		if s.Index != i || len(s.Losses) != 2 || s.Losses[0].Value <= 0 || s.InstancePeak == nil || s.InstancePeak.X >= n.Width || s.InstancePeak.Y >= n.Height {
			t.Errorf("plain step %d is %+v", i, s)
		}
	}
	if n.Guided[0].StepNorm <= 0 || n.Guided[3].Skipped == "" {
		t.Errorf("guided steps are %+v", n.Guided)
	}
}

func samePicture(a, b image.Image) bool {
	return bytes.Equal(a.(*image.NRGBA).Pix, b.(*image.NRGBA).Pix)
}

// TestLookingChangesNothing holds both images against runs that nobody looks at.
func TestLookingChangesNothing(t *testing.T) {
	p := loadMini(t)
	r := request()
	c, err := Sample(context.Background(), p, r)
	if err != nil {
		t.Fatal(err)
	}
	positive, err := p.EncodePrompt(r.Prompt)
	if err != nil {
		t.Fatal(err)
	}
	defer positive.Close()
	negative, err := p.EncodePrompt("")
	if err != nil {
		t.Fatal(err)
	}
	defer negative.Close()
	for i, run := range c.runs() {
		request := diffusion.SampleRequest{Positive: positive, Negative: negative, Width: p.NativeSize(), Height: p.NativeSize(), Steps: r.Steps,
			CFG: r.CFG, Sampler: r.Sampler, Scheduler: r.Scheduler, Seed: r.Seed, Denoise: 1}
		if i == 1 {
			request.Guidance = &diffusion.Guidance{Target: c.Target, Method: r.Method}
		}
		latent, _, err := p.Sample(context.Background(), request)
		if err != nil {
			t.Fatal(err)
		}
		image, err := decode(p, latent)
		latent.Close()
		if err != nil {
			t.Fatal(err)
		}
		if !samePicture(image, run.Image) {
			t.Errorf("the %s run's image is another when somebody looks", names[i])
		}
	}
}

func TestMistakesOfRequests(t *testing.T) {
	p := loadMini(t)
	r := request()
	options := isac.Typed()
	options.Eta = -1
	r.Prompt, r.Shown, r.Sampler, r.Method = "nothing at all", []int{2, 4, 99}, "bogus", options
	called := false
	r.Progress = func(int, int) { called = true }
	_, err := Sample(context.Background(), p, r)
	if !errors.Is(err, ErrRequest) || !errors.Is(err, prompt.ErrNoClass) {
		t.Fatalf("error is %v", err)
	}
	for _, want := range []string{"nothing at all", "two cats and a dog", "steps 4, 99 are to be shown, but the run has steps 0 to 3", "bogus", "eta is -1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if called {
		t.Error("something was sampled")
	}
	r = request()
	r.Scheduler, r.Width = "bogus", 7
	if _, err := Sample(context.Background(), p, r); err == nil || !strings.Contains(err.Error(), "bogus") {
		t.Errorf("an unknown scheduler: %v", err)
	}
	r.Scheduler = "normal"
	if _, err := Sample(context.Background(), p, r); err == nil || !strings.Contains(err.Error(), "width is 7") {
		t.Errorf("a width of 7: %v", err)
	}
}

func TestOneObject(t *testing.T) {
	p := loadMini(t)
	r := request()
	r.Prompt, r.Steps, r.Shown = "A photo of a cat.", 2, nil
	c, err := Sample(context.Background(), p, r)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Shown, []int{0, 1}) || !samePicture(c.Plain.Image, c.Guided.Image) {
		t.Errorf("shown are %v; one object leaves nothing to guide", c.Shown)
	}
	if _, err := Write(context.Background(), t.TempDir(), c); err != nil {
		t.Error(err)
	}
}

func TestInterrupted(t *testing.T) {
	p := loadMini(t)
	for _, after := range []int{1, 5} { // in the plain run, in the guided run
		ctx, cancel := context.WithCancel(context.Background())
		r := request()
		last := 0
		r.Progress = func(done, _ int) {
			if last = done; done == after {
				cancel()
			}
		}
		if _, err := Sample(ctx, p, r); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled after step %d: %v", after, err)
		}
		if last != after {
			t.Errorf("cancelled after step %d, %d were taken", after, last)
		}
		cancel()
	}
}
