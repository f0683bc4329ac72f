package diffusion

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/attention"
	backbone "github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// cramped is a denoiser without memory for more than so many rows.
type cramped struct {
	backbone.Denoiser
	most    int64
	refused int
}

func (c *cramped) ForwardContext(ctx context.Context, x torch.Tensor, timestep float64, text, vector torch.Tensor, r *attention.Recorder) (torch.Tensor, error) {
	if x.Size(0) > c.most {
		c.refused++
		panic(&torch.Error{Kind: torch.KindCUDAMemory, Message: "there is no room"})
	}
	return c.Denoiser.ForwardContext(ctx, x, timestep, text, vector, r)
}

// TestSelectionInBatches holds that candidates which are evaluated together come to what they come to apart, but for the last bits.
func TestSelectionInBatches(t *testing.T) {
	torchtest.Require(t)
	p := loadTiny(t)
	r := request(t, p)
	r.Guidance = selecting(r.Positive, candidates(5), func(s *isac.Selector) { s.Halving = true })
	want, alone := ran(t, p, r)
	for _, part := range []int64{2, 3, 5} {
		pl, err := p.plan(&r)
		if err != nil {
			t.Fatal(err)
		}
		pl.part, pl.together = part, true
		out, err := p.run(context.Background(), &r, pl)
		if err != nil {
			t.Fatal(err)
		}
		near(t, out.Latent.Float32s(), want, 1e-3)
		out.Latent.Close()
		if out.Cost != alone.Cost || out.Choices[0].Chosen != alone.Choices[0].Chosen {
			t.Errorf("%d at once: candidate %d for %+v, want %d for %+v", part, out.Choices[0].Chosen, out.Cost, alone.Choices[0].Chosen, alone.Cost)
		}
	}
	// Memory that runs out all the same halves what is evaluated at once, for the rest of the run.
	pl, err := p.plan(&r)
	if err != nil {
		t.Fatal(err)
	}
	pl.part, pl.together = 5, true
	narrow := &cramped{Denoiser: p.model.Denoiser, most: 2 * 2}
	p.model.Denoiser = narrow
	out, err := p.run(context.Background(), &r, pl)
	p.model.Denoiser = narrow.Denoiser
	if err != nil {
		t.Fatal(err)
	}
	near(t, out.Latent.Float32s(), want, 1e-3)
	out.Latent.Close()
	if one := out.Choices[0]; one.Chosen != alone.Choices[0].Chosen || one.Candidates[0].Measured != alone.Choices[0].Candidates[0].Measured || narrow.refused != 2 {
		t.Errorf("in a cramped place: candidate %d, %d steps measured, and %d evaluations were refused", one.Chosen, one.Candidates[0].Measured, narrow.refused)
	}
	each := func(part int64) need { return need{device: float64(part) * 10} }
	for room, want := range map[int64]int64{1000: 8, 79: 4, 45: 4, 39: 2, 10: 1, 1: 1} {
		if got := atOnce(8, room, each); got != want {
			t.Errorf("in a room of %d there are %d at once, want %d", room, got, want)
		}
	}
	p.maxMemory = 4 << 30
	defer func() { p.maxMemory = 0 }()
	r.Width, r.Height = 512, 512
	r.Guidance = selecting(r.Positive, candidates(1000))
	var short *MemoryError
	if _, err := p.Run(context.Background(), r); !errors.As(err, &short) || !strings.Contains(err.Error(), "1000 candidates each") {
		t.Errorf("a thousand candidates in 4 GiB: %v", err)
		return
	}
	all := p.needOfCandidates(&r, []int64{1000, 4, int64(512 / p.Factor()), int64(512 / p.Factor())}, 1)
	if short.Need != whole(all.room().device) {
		t.Errorf("a thousand candidates are said to need %d bytes, want %d with the margin of all runs", short.Need, whole(all.room().device))
	}
}
