package diffusion

import (
	"os"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestTextEncodersLeaveWhereRoomIsShort has the rule for GPUs hold on the CPU: the text encoders stay where there is room beside them, and leave
// for a run, for anything else that is asked for, and where memory ran out.
func TestTextEncodersLeaveWhereRoomIsShort(t *testing.T) {
	torchtest.Require(t)
	p := load(t, fixture.Dir("tiny"), LoadOptions{Encoders: &Encoders{everywhere: true}})
	r := request(t, p)
	r.Guidance = guided(r.Positive)
	here := func() bool { device, _ := p.encoders.Held(torch.CPU); return device > 0 }
	sampled(t, p, r)
	if p.clear(need{device: 1}); !here() {
		t.Error("the text encoders left although there was room")
	}
	plenty := r
	plenty.Latent, plenty.Width, plenty.Height, plenty.Batch = torch.Tensor{}, 8*p.Factor(), 8*p.Factor(), 1<<30
	for name, ask := range map[string]func() error{
		"a run":        func() error { p.clear(p.wanted(&plenty, []int64{1 << 30, 4, 8, 8})); return nil },
		"anything":     func() error { return p.check("it", need{device: 1e15}) },
		"a run, asked": func() error { _, err := p.plan(&plenty); return err },
		"running out":  func() error { return p.Conditional(Conditioning{}).(guidance.Frugal).Exhausted(nil, false) },
	} {
		conditions(t, p)
		if !here() {
			t.Fatal("they did not come back")
		}
		if _ = ask(); here() {
			t.Errorf("%s: the text encoders stay", name)
		}
	}
	never := load(t, fixture.Dir("tiny"), LoadOptions{TextOffload: TextOffloadNever, Encoders: p.encoders})
	conditions(t, p)
	if err := never.check("it", need{device: 1e15}); err == nil || !here() {
		t.Errorf("the text encoders left for a model that has them stay: %v", err)
	}
}

// TestTextEncodersLeaveAGPU has them leave a GPU, where the tests run on one, for something that does not fit, and come back.
func TestTextEncodersLeaveAGPU(t *testing.T) {
	torchtest.Require(t)
	device := torch.Device(os.Getenv(torchtest.DeviceEnv))
	if device == "" || device == torch.CPU {
		t.Skipf("%s names no GPU", torchtest.DeviceEnv)
	}
	for _, dtype := range []torch.DType{torch.Float32, AutoDType(device)} {
		p := load(t, fixture.Dir("tiny-sdxl"), LoadOptions{Device: device, DType: dtype})
		want, r := conditions(t, p), request(t, p)
		sampled(t, p, r)
		bytes, away := p.encoders.Held(device)
		if away != 0 {
			t.Errorf("%v: %d bytes of text encoders left although there is room", dtype, away)
		}
		before := torch.MemoryStats(device).Allocated
		if err := p.check("it", need{device: 1e15}); err == nil {
			t.Error("there is room for anything")
		}
		if fell := before - torch.MemoryStats(device).Allocated; before > 0 && fell < bytes {
			t.Errorf("%v: %d bytes of the device are free again, the text encoders have %d", dtype, fell, bytes)
		}
		sampled(t, p, r)
		if here, away := p.encoders.Held(device); here != 0 || away != bytes {
			t.Errorf("%v: %d bytes are on the device and %d away, of %d", dtype, here, away, bytes)
		}
		if !slices.Equal(conditions(t, p), want) {
			t.Errorf("%v: the conditioning differs", dtype)
		}
	}
}

// TestForecastKnowsWhatLeaves holds the forecast of a run before which the text encoders leave against what was measured of them.
func TestForecastKnowsWhatLeaves(t *testing.T) {
	torchtest.Require(t)
	r := SampleRequest{Width: 64, Height: 64, CFG: 5}
	foresee := func(o TextOffload) *Forecast {
		f, err := Foresee(fixture.Dir("tiny-sdxl"), LoadOptions{TextOffload: o}, r)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	stay, leave := foresee(TextOffloadAuto), foresee(TextOffloadAlways)
	p := load(t, fixture.Dir("tiny-sdxl"), LoadOptions{})
	bytes, _ := p.encoders.Held(torch.CPU)
	if fell := stay.Beside(stay.Unguided) - leave.Beside(leave.Unguided); fell != bytes || stay.WeightBytes() != leave.WeightBytes() {
		t.Errorf("a run is foreseen to take %d bytes less, the text encoders have %d", fell, bytes)
	}
	if got := leave.Peak(0); got < leave.WeightBytes() {
		t.Errorf("the peak is %d, less than all weights, %d, which are there before", got, leave.WeightBytes())
	}
	peaks := func(o TextOffload) Peaks {
		p := load(t, fixture.Dir("tiny-sdxl"), LoadOptions{TextOffload: o})
		r := request(t, p)
		took, err := p.MeasurePeaks(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return took
	}
	compare(t, "unguided, beside what stays", float64(peaks(TextOffloadAlways).Unguided), float64(peaks(TextOffloadNever).Unguided))
	gpu := Forecast{Weights: []PartBytes{{Bytes: 1 << 30}, {Bytes: 1 << 29, Leaves: true}}, Free: 3 << 30}
	for working, want := range map[int64]int64{1 << 30: 1<<30 + 1<<29 + 1<<30, 5 << 28: 1<<30 + 5<<28} {
		if got := gpu.Beside(working); got != want {
			t.Errorf("beside %d bytes of work there are %d in all, expected %d", working, got, want)
		}
	}
}
