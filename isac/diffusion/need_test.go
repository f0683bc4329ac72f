package diffusion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/torch"
)

// Too much is an error with both numbers, at once, and nothing is allocated for it.
func TestTooMuchIsRefusedAtOnce(t *testing.T) {
	p := loadTiny(t)
	p.maxMemory = 4 << 30 // whatever the machine has
	before := resident(t)
	for name, change := range map[string]func(*SampleRequest){
		"a large image":        func(r *SampleRequest) { r.Width, r.Height = 1<<17, 1<<17 },
		"a large guided image": func(r *SampleRequest) { r.Width, r.Height, r.Guidance = 16384, 16384, guided(r.Positive) },
		"pictures":             func(r *SampleRequest) { r.Width, r.Height, r.Batch, r.Decode = 4096, 4096, 4096, true },
		"an endless batch":     func(r *SampleRequest) { r.Batch = 1 << 40 },
		"beyond any number":    func(r *SampleRequest) { r.Width, r.Height, r.Batch = 1<<50, 1<<50, 1<<50 },
	} {
		r := request(t, p)
		change(&r)
		start := time.Now()
		latent, _, err := p.Sample(context.Background(), r)
		short := (*MemoryError)(nil)
		if !errors.As(err, &short) || short.Need <= short.Free || !strings.Contains(err.Error(), "GiB of memory and") {
			t.Errorf("%s: %v", name, err)
			if err == nil {
				latent.Close()
			}
		}
		if took := time.Since(start); took > 20*time.Second { // such a run itself would take hours
			t.Errorf("%s: it took %v", name, took)
		}
	}
	if _, err := p.DecodeEmpty(t.Context(), 16384, 16384, 4096); !strings.Contains(fmt.Sprint(err), "4096 images of 16384×16384 pixels: this needs about") {
		t.Errorf("decoding: %v", err)
	}
	if grown := resident(t) - before; grown > 64<<20 {
		t.Errorf("the process grew by %d MiB", grown>>20)
	}
}

// A bound of one's own holds for the whole process: what it has taken counts.
func TestMaxMemory(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	p.maxMemory = int64(resident(t)) + 1<<20
	_, _, err := p.Sample(context.Background(), r)
	short := (*MemoryError)(nil)
	if !errors.As(err, &short) || short.Fits() && short.Need > p.maxMemory || short.Total != p.maxMemory || !strings.Contains(err.Error(), "--max-memory") {
		t.Errorf("%v", err)
	}
	if _, err := Load(fixture.Dir("tiny"), LoadOptions{MaxMemory: 1}); !errors.As(err, &short) || !strings.Contains(err.Error(), "the model's weights") {
		t.Errorf("%v", err)
	}
}

// A batch that is evaluated one image at a time gives the bytes that each has alone: noise is made for all at once. Other parts give the
// same but for rounding.
func TestBatchInParts(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	r.Batch, r.Sampler = 3, "euler"
	for _, with := range []*Guidance{nil, guided(r.Positive)} {
		r.Guidance = with
		r.Noise = torch.Tensor{}
		pl, err := p.plan(&r)
		if err != nil || pl.part != 3 {
			t.Fatalf("parts of %d, %v", pl.part, err)
		}
		want := inParts(t, p, r, pl, 1)
		g := torch.NewGenerator(r.Seed)
		fixture.InScope(t, func() {
			noise := g.Randn(pl.shape...)
			for i := range int64(3) {
				one := r
				one.Batch, one.Noise = 1, noise.Narrow(0, i, 1)
				one.Seed += uint64(i) // of guidance; the noise is given
				got, _ := sample(t, p, one)
				if each := len(want) / 3; !slices.Equal(got, want[int(i)*each:int(i+1)*each]) {
					t.Errorf("guided %v: image %d alone has other bytes", with != nil, i)
				}
			}
		})
		g.Close()
	}
	r.Guidance, r.Sampler = nil, "euler_ancestral"
	pl, err := p.plan(&r)
	if err != nil {
		t.Fatal(err)
	}
	want := inParts(t, p, r, pl, 1)
	for _, part := range []int64{2, 3} {
		near(t, inParts(t, p, r, pl, part), want, 1e-3)
	}
	// On the CPU the parts of a large batch do not depend on the memory that is free.
	if part, err := p.fit(&r, []int64{512, 4, 64, 64}); err != nil || part <= 1 || part == 512 || whole(p.needOf(&r, []int64{512, 4, 64, 64}, part).device) > together {
		t.Errorf("parts of %d, %v", part, err)
	}
}

// inParts samples a request whose batch is evaluated in parts of so many images.
func inParts(t *testing.T, p *Pipeline, r SampleRequest, pl plan, part int64) []float32 {
	t.Helper()
	pl.part = part
	out, err := p.run(context.Background(), &r, pl)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Latent.Close()
	return out.Latent.Float32s()
}

// TestNeedOfGraphs holds that evaluations that a GPU records keep their memory side by side, of which with checkpoints there is one.
func TestNeedOfGraphs(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	shape := []int64{1, 4, 64, 64}
	need := func(on string, checkpoint, guide bool) float64 {
		t.Setenv(attention.GraphsEnv, on)
		gpu := &Pipeline{Path: p.Path, model: p.model, spared: p.spared, Autoencoder: &Autoencoder{machine: p.machine}}
		gpu.device, gpu.checkpoint = "cuda:0", checkpoint
		r := r
		if guide {
			r.Guidance = guided(r.Positive)
		}
		return gpu.needOf(&r, shape, 1).device
	}
	latents := float64(latentCopies * 4 * 4 * 64 * 64)
	unguided, both := need("0", false, false), need("0", false, true)
	if got, want := need("1", false, true), unguided+both-latents; both <= unguided || got != want {
		t.Errorf("with graphs %.0f, want %.0f: %.0f unguided, %.0f guided", got, want, unguided, both)
	}
	if got, want := need("1", true, true), need("0", true, true); got != want {
		t.Errorf("with checkpoints %.0f, want %.0f", got, want)
	}
}

// The estimate is what a run takes of libtorch's allocator, to a fifth; a guided one may take more, of a large foreground.
func TestNeedIsNearTheTruth(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a quarter of a gigabyte")
	}
	p, _ := loadMini(t)
	r := SampleRequest{
		Positive: encode(t, p, "two cats and a dog"), Negative: encode(t, p, ""), Steps: 1, CFG: 7, Seed: 1, Denoise: 1, Sampler: "euler", Scheduler: "normal",
	}
	for _, c := range []struct {
		side, batch        int
		guided, checkpoint bool
	}{{160, 1, false, false}, {96, 3, false, false}, {64, 1, true, false}, {96, 1, true, false}, {96, 1, true, true}} {
		r.Width, r.Height, r.Batch, r.Guidance, p.checkpoint = c.side, c.side, c.batch, nil, c.checkpoint
		if c.guided {
			r.Guidance = guided(r.Positive)
		}
		side := int64(c.side / p.Factor())
		shape := []int64{int64(c.batch), int64(p.LatentChannels()), side, side}
		part, err := p.fit(&r, shape)
		if err != nil {
			t.Fatal(err)
		}
		peak := held(func() {
			latent, _, err := p.Sample(context.Background(), r)
			if err != nil {
				t.Fatal(err)
			}
			latent.Close()
		})
		need := p.needOf(&r, shape, part).device
		if c.guided && float64(peak) > need && float64(peak) < need*1.7 {
			t.Logf("%+v: estimated %.1f MiB, taken %.1f MiB: the foreground is more than half of the picture", c, need/(1<<20), float64(peak)/(1<<20))
			continue
		}
		compare(t, fmt.Sprintf("%+v", c), need, float64(peak))
	}
	for _, side := range []int64{160, 320} {
		peak := held(func() {
			images, err := p.DecodeEmpty(t.Context(), int(side), int(side), 1)
			if err != nil {
				t.Fatal(err)
			}
			images.Close()
		})
		f := int64(p.Factor())
		n := p.needToDecode([]int64{1, 4, side / f, side / f}, nil)
		compare(t, fmt.Sprintf("decoding %d pixels", side), n.device+n.host, float64(peak))
	}
}

func compare(t *testing.T, what string, need, peak float64) {
	t.Helper()
	t.Logf("%s: estimated %.1f MiB, taken %.1f MiB", what, need/(1<<20), peak/(1<<20))
	if need < peak*0.8 || need > peak*1.25 {
		t.Errorf("%s: estimated %.1f MiB, taken %.1f MiB", what, need/(1<<20), peak/(1<<20))
	}
}
