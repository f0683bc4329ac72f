package diffusion

import (
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/torch"
)

// resident is the process's memory in bytes.
func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc here")
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

func TestHundredGuidedRunsKeepMemoryFlat(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	r.Width, r.Height, r.Steps, r.Sampler = 24, 24, 2, "euler_ancestral"
	r.Guidance = guided(r.Positive)
	for range 20 {
		sample(t, p, r)
	}
	handles, memory := torch.LiveHandles(), resident(t)
	for range 100 {
		sample(t, p, r)
	}
	if left := torch.LiveHandles() - handles; left != 0 {
		t.Errorf("%d tensors more after 100 runs", left)
	}
	if grown := resident(t) - memory; grown > 16<<20 {
		t.Errorf("the process grew by %d KiB over 100 runs", grown>>10)
	} else {
		t.Logf("the process grew by %d KiB over 100 runs", grown>>10)
	}
}

// Checkpoints trade memory for time and nothing else.
func TestCheckpointsGiveTheSameGuidance(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	r.Guidance = guided(r.Positive)
	want, _ := sample(t, p, r)
	got, _ := sample(t, load(t, fixture.Dir("tiny"), LoadOptions{Checkpoint: true}), r)
	near(t, got, want, 1e-3)
}

// Latents stay in float32 whatever the model computes in.
func TestBFloat16(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	want, _ := sample(t, p, r)
	half := load(t, fixture.Dir("tiny"), LoadOptions{DType: torch.BFloat16})
	r.Positive, r.Negative = encode(t, half, scene), encode(t, half, "")
	got, _ := sample(t, half, r)
	if slices.Equal(got, want) {
		t.Error("bfloat16 gives the very numbers of float32")
	}
	var difference, norm float64
	for i := range want {
		difference += math.Pow(float64(got[i]-want[i]), 2)
		norm += math.Pow(float64(want[i]), 2)
	}
	if part := math.Sqrt(difference / norm); part > 0.1 {
		t.Errorf("bfloat16 differs by %v of the latent's norm, allowed is 0.1", part)
	}
	r.Guidance = guided(r.Positive)
	if _, reports := sample(t, half, r); reports[0][0].Skipped != "" {
		t.Errorf("guidance was skipped: %s", reports[0][0].Skipped)
	}
}
