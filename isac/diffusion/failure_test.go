package diffusion

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

func TestMistakesOfARequestAreReportedTogether(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	r.Width, r.Height, r.Batch = 33, 0, -1
	r.Negative, r.CFG, r.Denoise, r.Sampler, r.Scheduler = Conditioning{}, math.NaN(), 0, "plms", "exponentials"
	r.Guidance = &Guidance{Target: guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 0, Tokens: []int{99}}}}, Method: isac.Typed()}
	_, _, err := p.Sample(context.Background(), r)
	for _, want := range []string{"width is 33", "32 or 36", "height is 0", "batch is -1", "cfg is NaN", "plms", "negative conditioning", "count is 0", "token position 99"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v\ndoes not have %q", err, want)
		}
	}

	for _, c := range []struct {
		name   string
		change func(*SampleRequest)
		want   string
	}{
		{"scheduler", func(r *SampleRequest) { r.Scheduler = "exponentials" }, "\"exponentials\""},
		{"no steps", func(r *SampleRequest) { r.Steps = 0 }, "0 steps"},
		{"denoise", func(r *SampleRequest) { r.Denoise = 1.5 }, "denoise 1.5"},
		{"latent of another model", func(r *SampleRequest) { r.Latent = torch.Zeros([]int64{1, 16, 8, 8}, torch.Float32, torch.CPU) }, "[1 16 8 8], expected [B 4 h w]"},
		{"latent of another size", func(r *SampleRequest) { r.Latent = torch.Zeros([]int64{1, 4, 9, 8}, torch.Float32, torch.CPU) }, "leave width and height at 0"},
		{"latents of another number", func(r *SampleRequest) {
			r.Batch, r.Latent = 3, torch.Zeros([]int64{2, 4, 8, 8}, torch.Float32, torch.CPU)
		}, "the latent has 2 images and batch is 3"},
		{"latent of another width", func(r *SampleRequest) {
			r.Height, r.Latent = 0, torch.Zeros([]int64{1, 4, 8, 9}, torch.Float32, torch.CPU)
		}, "is for 36×32 pixels"},
		{"noise of another size", func(r *SampleRequest) { r.Noise = torch.Zeros([]int64{1, 4, 8, 9}, torch.Float32, torch.CPU) }, "the noise has shape [1 4 8 9]"},
		{"two conditionings", func(r *SampleRequest) {
			r.Negative.Hidden = torch.Cat([]torch.Tensor{r.Negative.Hidden, r.Negative.Hidden}, 0)
		}, "the negative conditioning has shape [2 24 32]"},
		{"cfg without end", func(r *SampleRequest) { r.CFG = math.Inf(1) }, "cfg is +Inf"},
		{"a target without classes", func(r *SampleRequest) { r.Guidance = &Guidance{Method: isac.Typed()} }, "names no class"},
		{"options that are not valid", func(r *SampleRequest) { r.Guidance = guided(r.Positive, func(o *isac.Options) { o.Eta = -1 }) }, "eta is -1"},
		{"guidance without a method", func(r *SampleRequest) { r.Guidance = &Guidance{} }, "guidance has no method"},
		{"a token beyond the conditioning", func(r *SampleRequest) {
			r.Guidance = guided(r.Positive)
			r.Guidance.Target.Classes[1].Tokens = []int{24}
		}, "dog: token position 24 is outside"},
		{"conditioning of another model", func(r *SampleRequest) { r.Positive.Hidden = torch.Zeros([]int64{1, 77, 768}, torch.Float32, torch.CPU) }, "[1 77 768]"},
	} {
		r := request(t, p)
		fixture.InScope(t, func() {
			c.change(&r)
			if _, _, err := p.Sample(context.Background(), r); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, want %q in it", c.name, err, c.want)
			}
		})
	}
}

func TestValuesThatAreNotFiniteNameTheStep(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	r.CFG = 1e38
	before := torch.LiveHandles()
	_, _, err := p.Sample(context.Background(), r)
	if !errors.Is(err, ErrNotFinite) || !strings.Contains(err.Error(), "step ") || !strings.Contains(err.Error(), "cfg") {
		t.Errorf("got %v, want ErrNotFinite with the step and advice", err)
	}
	if left := torch.LiveHandles() - before; left != 0 {
		t.Errorf("%d tensors were left", left)
	}
}

func TestCancelledRunStops(t *testing.T) {
	p := loadTiny(t)
	for _, with := range []bool{false, true} {
		r := request(t, p)
		r.Steps = 50
		if with {
			r.Guidance = guided(r.Positive)
		}
		ctx, cancel := context.WithCancel(context.Background())
		steps := 0
		r.OnStep = func(StepInfo) error {
			if steps++; steps == 2 {
				cancel()
			}
			return nil
		}
		before := torch.LiveHandles()
		_, _, err := p.Sample(ctx, r)
		if !errors.Is(err, context.Canceled) || steps != 2 {
			t.Errorf("guided %v: got %v after %d steps, want context.Canceled after 2", with, err, steps)
		}
		if left := torch.LiveHandles() - before; left != 0 {
			t.Errorf("guided %v: %d tensors were left", with, left)
		}
	}
}

func TestErrorOfACallbackEndsTheRun(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	stop := errors.New("enough")
	r.OnStep = func(StepInfo) error { return stop }
	if _, _, err := p.Sample(context.Background(), r); !errors.Is(err, stop) {
		t.Errorf("got %v, want the callback's error", err)
	}
}

// TestConditioningWithoutPooledText holds that a family that reads pooled text is not sampled without, by either conditioning.
func TestConditioningWithoutPooledText(t *testing.T) {
	p, f := load(t, fixture.Dir("tiny-sdxl"), LoadOptions{}), fixture.Open(t, "tiny-sdxl")
	fixture.InScope(t, func() {
		for _, name := range []string{"positive", "negative"} {
			r := familyRequest(t, p, f)
			r.Sampler, r.Scheduler = "euler", "simple"
			if name == "positive" {
				r.Positive.Pooled = torch.Tensor{}
			} else {
				r.Negative.Pooled = torch.Tensor{}
			}
			if _, _, err := p.Sample(context.Background(), r); err == nil || !strings.Contains(err.Error(), "the "+name+" conditioning has no pooled text") {
				t.Errorf("%v", err)
			}
		}
	})
}

// TestSmallestImage holds that one pixel of the latent is enough, and which side is which.
func TestSmallestImage(t *testing.T) {
	p := loadTiny(t)
	shape := p.latentShape(&SampleRequest{Width: 4, Height: 12, Batch: 2}, func(format string, a ...any) { t.Errorf(format, a...) })
	if !slices.Equal(shape, []int64{2, 4, 3, 1}) {
		t.Errorf("latents of shape %v for two images of 4×12 pixels, want [2 4 3 1]", shape)
	}
}
