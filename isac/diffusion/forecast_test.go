package diffusion

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// What is foreseen of a model that is not loaded is what the loaded one is refused by.
func TestForecastIsTheEstimateOfTheLoadedModel(t *testing.T) {
	torchtest.Require(t)
	for _, name := range []string{"tiny", "tiny-sdxl", "tiny-sd3"} {
		p := load(t, fixture.Dir(name), LoadOptions{})
		r := SampleRequest{Width: 64, Height: 128, Batch: 2, CFG: 5, Positive: encode(t, p, scene)}
		r.Guidance = guided(r.Positive)
		f, err := Foresee(fixture.Dir(name), LoadOptions{}, r)
		if err != nil {
			t.Fatal(err)
		}
		shape := []int64{2, int64(p.LatentChannels()), int64(128 / p.Factor()), int64(64 / p.Factor())}
		if got, want := f.Guided, whole(p.needOf(&r, shape, f.Together).device); got != want {
			t.Errorf("%s: guided %d, of the loaded model %d", name, got, want)
		}
		r.Guidance = nil
		if got, want := f.Unguided, whole(p.needOf(&r, shape, f.Together).device); got != want {
			t.Errorf("%s: unguided %d, of the loaded model %d", name, got, want)
		}
		n := p.needToDecode(shape, nil)
		if want := whole(n.device + n.host); f.Decode != want || f.Size != p.NativeSize() {
			t.Errorf("%s: decoding %d, of the loaded model %d; size %d and %d", name, f.Decode, want, f.Size, p.NativeSize())
		}
		if len(f.Weights) != 2+len(f.Family.Text) || f.WeightBytes() <= 0 || f.Checkpointed >= f.Guided || f.Checkpointed <= 0 {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// The whole peak of a run, weights included, is within a factor of two of what the process takes from before the model is loaded.
func TestForecastIsNearTheTruth(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a gigabyte")
	}
	torchtest.Require(t)
	path := filepath.Join("..", "..", "examples", "mini", "model")
	for _, c := range []struct {
		side, batch        int
		guided, checkpoint bool
	}{{160, 2, false, false}, {160, 1, true, false}, {160, 1, true, true}} {
		var f *Forecast
		peak := peakOf(t, func() {
			p, err := Load(path, LoadOptions{Checkpoint: c.checkpoint})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			r := SampleRequest{
				Positive: encode(t, p, "two cats and a dog"), Negative: encode(t, p, ""), Width: c.side, Height: c.side, Batch: c.batch,
				Steps: 1, CFG: 7, Seed: 1, Denoise: 1, Sampler: "euler", Scheduler: "normal",
			}
			if c.guided {
				r.Guidance = guided(r.Positive)
			}
			if f, err = Foresee(path, LoadOptions{}, r); err != nil {
				t.Fatal(err)
			}
			latent, _, err := p.Sample(context.Background(), r)
			if err != nil {
				t.Fatal(err)
			}
			latent.Close()
		})
		working := f.Unguided
		if c.guided {
			working = f.Guided
		}
		if c.checkpoint {
			working = f.Checkpointed
		}
		said := float64(f.WeightBytes() + working)
		t.Logf("%+v: foreseen %.0f MiB, taken %.0f MiB", c, said/(1<<20), peak/(1<<20))
		if said < peak/2 || said > 2*peak {
			t.Errorf("%+v: foreseen %.0f MiB, taken %.0f MiB", c, said/(1<<20), peak/(1<<20))
		}
	}
}

// All that is wrong with a size is told, and a model that cannot be loaded is none that can be foreseen.
func TestForecastOfNothing(t *testing.T) {
	torchtest.Require(t)
	_, err := Foresee(fixture.Dir("tiny"), LoadOptions{}, SampleRequest{Width: 3, Height: 77, Batch: -1})
	for _, want := range []string{"width is 3 pixels", "height is 77 pixels", "batch is -1"} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if _, err := Foresee(t.TempDir(), LoadOptions{DType: torch.Float32}, SampleRequest{}); err == nil {
		t.Error("an empty folder is foreseen")
	}
}
