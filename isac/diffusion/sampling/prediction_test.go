package sampling

import (
	"math"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// For both kinds of networks: from x0 and ε, what a perfect network puts out is turned back into x0.
func TestPredictions(t *testing.T) {
	torchtest.Require(t)
	err := torch.InScope(func() error {
		x0 := torch.FromFloat64s([]float64{1, -2, 0.5}, 1, 1, 1, 3)
		eps := torch.FromFloat64s([]float64{0.3, 1, -1}, 1, 1, 1, 3)
		for _, sigma := range []float64{0.03, 1, 14.6} {
			x := x0.Add(eps.MulScalar(sigma))
			alpha, rest := 1/math.Sqrt(1+sigma*sigma), sigma/math.Sqrt(1+sigma*sigma) // √ᾱ, √(1−ᾱ)
			outputs := map[Prediction]torch.Tensor{Epsilon: eps, V: eps.MulScalar(alpha).Sub(x0.MulScalar(rest))}
			for p, output := range outputs {
				if diff := (&Discrete{Prediction: p}).Denoised(x, output, sigma).Sub(x0).Abs().MaxAll().Item(); diff > 1e-12 {
					t.Errorf("%s at sigma %g: x0 is off by %g", p, sigma, diff)
				}
			}
			want := x0.MulScalar(alpha).Add(eps.MulScalar(rest))
			d := &Discrete{}
			if diff := d.Input(x, sigma).Sub(want).Abs().MaxAll().Item(); diff > 1e-12 {
				t.Errorf("input at sigma %g is off by %g", sigma, diff)
			}
			if diff := d.Output(want, sigma).Sub(x).Abs().MaxAll().Item(); diff > 1e-12 {
				t.Errorf("output at sigma %g is off by %g", sigma, diff)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := PredictionNamed("v_prediction"); p != V || err != nil {
		t.Errorf("%s, %v", p, err)
	}
	if _, err := PredictionNamed("sample"); err == nil {
		t.Error("prediction of x0 was accepted")
	}
}

func TestNoised(t *testing.T) {
	torchtest.Require(t)
	d := discrete(t, StableDiffusion1())
	err := torch.InScope(func() error {
		noise, latent := torch.FromFloat64s([]float64{2}, 1), torch.FromFloat64s([]float64{10}, 1)
		for _, c := range []struct {
			latent torch.Tensor
			sigma  float64
			want   float64
		}{
			{torch.Tensor{}, d.SigmaMax(), 2 * math.Sqrt(1+d.SigmaMax()*d.SigmaMax())},
			{latent, d.SigmaMax() * 2, 2*math.Sqrt(1+4*d.SigmaMax()*d.SigmaMax()) + 10},
			{latent, 3, 16},
			// Within 1e-5 of the highest it is the highest, as in ComfyUI.
			{latent, d.SigmaMax() * (1 - 5e-6), 2*math.Hypot(1, d.SigmaMax()*(1-5e-6)) + 10},
			{latent, d.SigmaMax() * (1 - 5e-5), 2*d.SigmaMax()*(1-5e-5) + 10},
		} {
			if got := d.Noised(c.latent, noise, c.sigma).Item(); math.Abs(got-c.want) > 1e-9 {
				t.Errorf("sigma %g: %g, expected %g", c.sigma, got, c.want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
