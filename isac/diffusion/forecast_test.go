package diffusion

import (
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

// What is foreseen before anything is loaded is what the steps of a loaded model take, each kind of them, to a fifth; weights are exact.
func TestForecastIsNearTheTruth(t *testing.T) {
	torchtest.Require(t)
	path := filepath.Join("..", "..", "examples", "mini", "model")
	before := torch.MemoryStats(torch.CPU).Tensors
	p := load(t, path, LoadOptions{})
	loaded := torch.MemoryStats(torch.CPU).Tensors - before
	r := SampleRequest{Positive: encode(t, p, "two cats and a dog"), Negative: encode(t, p, ""), Width: 96, Height: 64, CFG: 7}
	r.Guidance = guided(r.Positive)
	f, err := Foresee(path, LoadOptions{}, r)
	if err != nil {
		t.Fatal(err)
	}
	took, err := p.MeasurePeaks(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "weights", float64(f.WeightBytes()), float64(loaded))
	compare(t, "unguided", float64(f.Unguided), float64(took.Unguided))
	compare(t, "guided", float64(f.Guided), float64(took.Guided))
	compare(t, "guided with checkpoints", float64(f.Checkpointed), float64(took.Checkpointed))
	compare(t, "decoding", float64(f.Decode), float64(took.Decode))
	if p.checkpoint || took.Checkpointed >= took.Guided {
		t.Errorf("checkpoints are %v afterwards; %+v", p.checkpoint, took)
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
