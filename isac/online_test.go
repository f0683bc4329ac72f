package isac

import (
	"fmt"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// checkpointed is a model each of whose layers is a gradient checkpoint.
type checkpointed struct {
	layers synthetic.Layers
	dtype  torch.DType
	online *int // counts evaluations whose maps are made online
}

func (c checkpointed) Evaluate(x torch.Tensor, timestep float64, ask guidance.Ask) ([]attention.Tap, torch.Tensor, error) {
	r := &attention.Recorder{}
	if ask.Online != nil {
		r.Online = attention.NewOnline(ask.Online.Options, c.Layers(x), ask.Online.Reads, c.dtype, x.Device())
		*c.online++
	}
	for i := range c.layers {
		r.Checkpoint(func(in []torch.Tensor, r *attention.Recorder) []torch.Tensor {
			taps, err := c.layers[i:i+1].Taps(in[0], timestep)
			if err != nil {
				panic(err)
			}
			r.Add(taps[0])
			return in
		}, x)
	}
	return r.Taps(), torch.Tensor{}, nil
}

func (c checkpointed) Taps(x torch.Tensor, timestep float64) ([]attention.Tap, error) {
	return c.layers.Taps(x, timestep)
}

func (c checkpointed) Layers(x torch.Tensor) (layers []attention.Tap) {
	torch.NoGrad(func() { layers, _ = c.layers.Taps(x, 0) })
	for i := range layers {
		layers[i].Q, layers[i].K = torch.Tensor{}, torch.Tensor{}
	}
	return layers
}

// TestOnlineEqualsSparse holds losses and gradient of maps that are made while the model is evaluated equal to those of queries and keys, on
// random models and options.
func TestOnlineEqualsSparse(t *testing.T) {
	torchtest.Require(t)
	compared, online := 0, 0
	for seed := range uint64(100) {
		synthetic.In(t, func() {
			model, target, opt, step := configuration(t, seed)
			for dt, limit := range map[torch.DType]float64{torch.Float64: 1e-10, torch.Float32: 1e-5} {
				x := synthetic.NewLatent(t, seed, dt)
				var gradient [2][]float64
				var report [2]guidance.Report
				for i, m := range []guidance.Model{model, checkpointed{model.Layers, dt, &online}} {
					gradient[i], report[i] = gradientOf(t, newSession(t, m, target, opt), x, step)
				}
				if report[0].Skipped != report[1].Skipped {
					t.Errorf("seed %d, %s: skipped %q and online %q", seed, dt, report[0].Skipped, report[1].Skipped)
				} else if report[0].Skipped == "" {
					compared++
					what := fmt.Sprintf("seed %d, %s, joint %v, %+v", seed, dt, model.Joint, opt)
					synthetic.Near(t, what+": losses", losses(report[1]), losses(report[0]), limit)
					synthetic.Near(t, what+": gradient", gradient[1], gradient[0], limit)
				}
			}
		})
	}
	if compared < 100 || online < compared {
		t.Errorf("%d steps were compared, %d maps made online: the test has lost its subject", compared, online)
	}
}
