package family

import (
	"encoding/binary"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// scheduled is a folder's files with a scheduler_config.json.
func scheduled(config map[string]any) *Files {
	f := &Files{}
	f.Config.Scheduler = config
	return f
}

// TestNoiseOfSchedulers holds that every setting of a noise schedule is read.
func TestNoiseOfSchedulers(t *testing.T) {
	for _, c := range []struct {
		config map[string]any
		want   sampling.Betas
	}{
		{nil, sampling.StableDiffusion1()},
		{map[string]any{"beta_schedule": "linear", "beta_start": 0.001, "beta_end": 0.03, "num_train_timesteps": 500.0},
			sampling.Betas{Schedule: "linear", Start: 0.001, End: 0.03, Timesteps: 500}},
		{map[string]any{"rescale_betas_zero_snr": true}, sampling.Betas{Schedule: "scaled_linear", Start: 0.00085, End: 0.012, Timesteps: 1000, ZeroSNR: true}},
	} {
		want, err := sampling.NewDiscrete(c.want, sampling.Epsilon)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := discrete(scheduled(c.config)); err != nil || !slices.Equal(got.Sigmas(), want.Sigmas()) {
			t.Errorf("%v: %v", c.config, err)
		}
	}
	shifted, err := flow(scheduled(map[string]any{"shift": 2.0}))
	if err != nil || shifted.(*sampling.Flow).Shift != 2 {
		t.Errorf("%+v, %v", shifted, err)
	}
	if _, err := flow(scheduled(map[string]any{"use_dynamic_shifting": true})); err == nil || !strings.Contains(err.Error(), "use_dynamic_shifting") {
		t.Errorf("a shift that depends on the size gives %v", err)
	}
}

// TestSignsOfNoise holds what the tensors and the header of a single file say of its noise.
func TestSignsOfNoise(t *testing.T) {
	for _, c := range []struct {
		tensor, header string
		prediction     sampling.Prediction
		most           float64
	}{
		{"", "", sampling.Epsilon, 14.614641}, {"v_pred", "", sampling.V, 14.614641}, {"", "v", sampling.V, 14.614641},
		{"", "v_prediction", sampling.V, 14.614641}, {"ztsnr", "", sampling.Epsilon, 4518.757}, {telling, "epsilon", sampling.Epsilon, 14.614641},
		{telling, "v", sampling.V, 14.614641},
	} {
		f := &Files{Raw: fixture.Shapes{c.tensor: nil}, Metadata: map[string]string{"modelspec.prediction_type": c.header}}
		got, err := discreteOrVelocity(f)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if d := got.(*sampling.Discrete); d.Prediction != c.prediction || math.Abs(d.SigmaMax()/c.most-1) > 1e-5 {
			t.Errorf("%+v: %s up to sigma %v", c, d.Prediction, d.SigmaMax())
		}
	}
}

// TestBiasTellsThePrediction holds what a single file of Stable Diffusion 2 predicts that says nothing of it: velocity where the
// deviation of the telling bias, divided by n, is above 0.09 (ComfyUI's supported_models.SD20).
func TestBiasTellsThePrediction(t *testing.T) {
	torchtest.Require(t)
	for _, c := range []struct {
		values [4]float32
		want   sampling.Prediction
	}{
		{[4]float32{0.5, 0.7, 0.5, 0.7}, sampling.V},             // 0.1
		{[4]float32{0.51, 0.69, 0.52, 0.68}, sampling.Epsilon},   // 0.085, and 0.098 divided by n−1
		{[4]float32{-0.03, 0.03, -0.03, 0.03}, sampling.Epsilon}, // 0.03
		{[4]float32{-0.08, 0.08, -0.12, 0.12}, sampling.V},       // 0.102
	} {
		var data []byte
		for _, v := range c.values {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		path := write(t, filepath.Join(t.TempDir(), "model.safetensors"), weights.Entry{Name: telling, DType: weights.F32, Shape: []int64{4}, Data: data})
		got, err := discreteOrVelocity(&Files{Raw: openWeights(t, path)})
		if err != nil || got.(*sampling.Discrete).Prediction != c.want {
			t.Errorf("%v: %+v, %v, want %s", c.values, got, err, c.want)
		}
	}
}
