package diffusion

import (
	"math"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestMoveBehindAMask holds that what guidance moves is multiplied with the mask, and that it saw what the model will see.
func TestMoveBehindAMask(t *testing.T) {
	torchtest.Require(t)
	fixture.InScope(t, func() {
		line := func(v ...float32) torch.Tensor { return torch.FromFloat32s(v, 1, 1, 1, int64(len(v))) }
		p := &inpaint{mask: line(1, 0.5, 0)}
		near(t, p.moved(line(1, 2, 3), line(10, 20, 30), line(11, 24, 38)).Float32s(), []float32{2, 4, 3}, 0)
		var none *inpaint
		near(t, none.moved(line(1), line(1), line(5)).Float32s(), []float32{5}, 0)
	})
	p := loadTiny(t)
	g := torch.NewGenerator(4)
	defer g.Close()
	fixture.InScope(t, func() {
		// Where nothing is sampled anew the model sees the latent with noise of σ, which at the highest σ is less than a run starts from.
		r := request(t, p)
		r.Latent, r.Width, r.Height = g.Randn(1, 4, 8, 8), 0, 0
		r.Noise = g.Randn(1, 4, 8, 8)
		r.Guidance = guided(r.Positive)
		_, plain := sample(t, p, r)
		masked := r
		masked.Mask = torch.Zeros([]int64{1, 8, 8}, torch.Float32, torch.CPU)
		_, seen := sample(t, p, masked)
		top := p.noise.SigmaMax()
		r.Noise = r.Noise.MulScalar(top / math.Sqrt(1+top*top))
		_, want := sample(t, p, r)
		if got, want, other := seen[0][0].Loss, want[0][0].Loss, plain[0][0].Loss; math.Abs(got-want) > 0.01*math.Abs(want-other) || want == other {
			t.Errorf("the first loss behind a mask is %v, want %v and not %v", got, want, other)
		}
	})
}

// TestImageOfItsOwnNoise holds that an image taken out of a batch has the random directions that it had there.
func TestImageOfItsOwnNoise(t *testing.T) {
	r := &SampleRequest{}
	if r.noiseOf(2) != 2 {
		t.Error("an image of a batch starts from another noise than its own")
	}
	if r.BatchIndex = []int{7, 3}; r.noiseOf(1) != 3 {
		t.Error("an image that was taken out starts from another noise than it had")
	}
}
