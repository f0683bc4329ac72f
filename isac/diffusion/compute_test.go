package diffusion

import (
	"slices"
	"testing"

	backbone "github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/torch"
)

func TestAutoDType(t *testing.T) {
	for _, d := range []torch.Device{"", torch.CPU} {
		if got := AutoDType(d); got != torch.Float32 {
			t.Errorf("%q computes in %v", d, got)
		}
	}
	for capability, want := range map[int]torch.DType{0: torch.Float16, 61: torch.Float16, 75: torch.Float16, 80: torch.BFloat16, 89: torch.BFloat16, 90: torch.BFloat16, 120: torch.BFloat16} {
		if got := autoDType(capability); got != want {
			t.Errorf("a GPU of capability %d computes in %v, want %v", capability, got, want)
		}
	}
}

// TestAutoCheckpoint: checkpoints are taken where a guided step does not fit otherwise, and then the run's need is that with checkpoints; the
// picture is the same.
func TestAutoCheckpoint(t *testing.T) {
	plain, always := loadTiny(t), load(t, fixture.Dir("tiny"), LoadOptions{Checkpoint: true})
	p := load(t, fixture.Dir("tiny"), LoadOptions{AutoCheckpoint: true, Checkpoint: true})
	e := backbone.Evaluation{Batch: 1, Height: 64, Width: 64, Tokens: 24, Gradient: true}
	r := request(t, p)
	r.Guidance = guided(r.Positive)
	shape := []int64{1, 4, 64, 64}
	needs := func(p *Pipeline) float64 { return p.needOf(&r, shape, 1).device }
	if needs(always) >= needs(plain) {
		t.Fatalf("with checkpoints a run needs %v, without %v", needs(always), needs(plain))
	}
	if p.checkpoints(e) || needs(p) != needs(plain) {
		t.Errorf("with memory enough checkpoints are taken, or the need is %v and not %v", needs(p), needs(plain))
	}
	want, _ := sample(t, plain, r)
	enough, _ := sample(t, p, r)
	p.maxMemory = 1
	if !p.checkpoints(e) || needs(p) != needs(always) {
		t.Errorf("without memory no checkpoints are taken, or the need is %v and not %v", needs(p), needs(always))
	}
	p.maxMemory = int64(resident(t)) + int64(needs(always)) + 32<<20
	if e.Height, e.Width = 256, 256; !p.checkpoints(e) {
		t.Error("a large step fits into little memory")
	}
	if !slices.Equal(enough, want) {
		t.Error("a run that decides by itself is another one")
	}
	p.maxMemory = 0
	p.model.Denoiser.Checkpoint(true) // by a step that was larger
	again, _ := sample(t, p, r)
	near(t, again, want, 1e-3)
}
