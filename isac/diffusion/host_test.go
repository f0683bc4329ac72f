package diffusion

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestHostConditioning checks conditionings that hosts make: the model's own is taken, every other is refused with a reason.
func TestHostConditioning(t *testing.T) {
	torchtest.Require(t)
	p := load(t, fixture.Dir("tiny-sdxl"), LoadOptions{})
	own := encode(t, p, "a cat")
	if err := p.CheckConditioning(own); err != nil {
		t.Errorf("the model's own: %v", err)
	}
	if !slices.Equal(p.Spans("a cat"), own.Spans) {
		t.Errorf("spans %v, the conditioning's are %v", p.Spans("a cat"), own.Spans)
	}
	fixture.InScope(t, func() {
		nan := torch.Full(own.Hidden.Shape(), math.NaN(), torch.Float32, torch.CPU)
		for says, c := range map[string]Conditioning{
			"no host's conditioning":        {},
			"no pooled text":                {Hidden: own.Hidden},
			"was it made by another model?": {Hidden: own.Pooled, Pooled: own.Pooled},
			"state of the host's":           {Hidden: nan, Pooled: own.Pooled},
			"pooled text of width":          {Hidden: own.Hidden, Pooled: torch.Ones([]int64{1, 3}, torch.Float32, torch.CPU)},
			"makes a vector of shape [2":    {Hidden: own.Hidden, Pooled: torch.Cat([]torch.Tensor{own.Pooled, own.Pooled}, 0)},
		} {
			if err := p.CheckConditioning(c); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%v, expected %q", err, says)
			}
		}
	})
}

// TestConditionalStops ends an evaluation whose context is over.
func TestConditionalStops(t *testing.T) {
	p := loadTiny(t)
	c := encode(t, p, "a cat")
	ctx, stop := context.WithCancel(t.Context())
	fixture.InScope(t, func() {
		x := torch.Ones([]int64{1, int64(p.LatentChannels()), 8, 8}, torch.Float32, torch.CPU)
		model := p.ConditionalContext(ctx, c)
		if taps, err := model.Taps(x, 500); err != nil || len(taps) == 0 {
			t.Errorf("%d taps, %v", len(taps), err)
		}
		stop()
		if _, err := model.Taps(x, 500); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, expected context.Canceled", err)
		}
	})
}
