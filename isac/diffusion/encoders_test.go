package diffusion

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// conditions are all numbers that a pipeline makes of some prompts, one of them of several chunks and with weights.
func conditions(t testing.TB, p *Pipeline) []float32 {
	t.Helper()
	var out []float32
	for _, prompt := range []string{scene, "", "(two cats:1.3) and a dog " + fmt.Sprint(make([]int, 100))} {
		c, err := p.EncodePrompts(t.Context(), PromptOptions{}, prompt)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c.Hidden.Float32s()...)
		if c.Pooled.Defined() {
			out = append(out, c.Pooled.Float32s()...)
		}
		c.Close()
	}
	return out
}

// sampled is what sample makes, where tensors of text encoders go meanwhile.
func sampled(t testing.TB, p *Pipeline, r SampleRequest) []float32 {
	t.Helper()
	latent, _, err := p.Sample(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer latent.Close()
	return latent.Float32s()
}

// TestTextEncodersLeaveBeforeRuns holds of each kind of model that what is encoded and sampled is the same to the bit where the text encoders
// leave, and that libtorch counts less by all their bytes while the model denoises.
func TestTextEncodersLeaveBeforeRuns(t *testing.T) {
	torchtest.Require(t)
	for _, name := range []string{"tiny", "tiny-sd2", "tiny-sdxl", "tiny-sd3"} {
		stays := load(t, fixture.Dir(name), LoadOptions{})
		leaves := load(t, fixture.Dir(name), LoadOptions{TextOffload: TextOffloadAlways})
		want, r := conditions(t, stays), request(t, stays)
		during := func(p *Pipeline, lowest *int64) SampleRequest {
			r := r
			*lowest = 1 << 62
			r.OnStep = func(StepInfo) error {
				*lowest = min(*lowest, torch.MemoryStats(torch.CPU).Tensors)
				return nil
			}
			return r
		}
		var with, without int64
		images := sampled(t, stays, during(stays, &with))
		bytes, _ := leaves.encoders.Held(torch.CPU)
		handles := torch.LiveHandles()
		for again := range 2 {
			got := sampled(t, leaves, during(leaves, &without))
			if !slices.Equal(got, images) {
				t.Errorf("%s, run %d: the latents differ", name, again)
			}
			here, away := leaves.encoders.Held(torch.CPU)
			if bytes == 0 || here != 0 || away != bytes {
				t.Errorf("%s, run %d: %d bytes of text encoders are on the device and %d away, of %d", name, again, here, away, bytes)
			}
			if fell := with - without; fell < bytes || fell > bytes+bytes/4 {
				t.Errorf("%s, run %d: libtorch counts %d bytes less, the text encoders have %d", name, again, fell, bytes)
			}
			if got := conditions(t, leaves); !slices.Equal(got, want) {
				t.Errorf("%s, run %d: the conditioning differs", name, again)
			}
			if here, away := leaves.encoders.Held(torch.CPU); here != bytes || away != 0 {
				t.Errorf("%s, run %d: %d bytes of text encoders came back and %d are away, of %d", name, again, here, away, bytes)
			}
		}
		if left := torch.LiveHandles() - handles; left != 0 {
			t.Errorf("%s: %d tensors more", name, left)
		}
	}
}

// TestTextEncodersStay holds that nothing is moved on the CPU but where that is asked for.
func TestTextEncodersStay(t *testing.T) {
	torchtest.Require(t)
	for _, o := range []TextOffload{TextOffloadAuto, TextOffloadNever} {
		p := load(t, fixture.Dir("tiny"), LoadOptions{TextOffload: o})
		sampled(t, p, request(t, p))
		if p.spare() {
			t.Errorf("%v: text encoders left", o)
		}
		if here, away := p.encoders.Held(torch.CPU); here == 0 || away != 0 {
			t.Errorf("%v: %d bytes are on the device and %d away", o, here, away)
		}
	}
	for o, want := range map[TextOffload]bool{TextOffloadAuto: true, TextOffloadAlways: true, TextOffloadNever: false} {
		if o.from("cuda:0") != want {
			t.Errorf("%v: leave a GPU is %v", o, !want)
		}
	}
}

// TestTextEncodersWithLoRAsLeave has models with LoRAs, which share weights with the one below, leave with it and alone, and be made of
// one that is away.
func TestTextEncodersWithLoRAsLeave(t *testing.T) {
	torchtest.Require(t)
	for _, c := range loraCases(t) {
		build := func(o TextOffload) []*Pipeline {
			all := []*Pipeline{load(t, fixture.Dir(c.Model), LoadOptions{TextOffload: o})}
			for i, file := range c.Files {
				all[i].spare() // it is made of what has left
				other := withLoRA(t, all[i], LoRA{Path: file, Denoiser: c.Denoiser[i], Text: c.Text[i]})
				all = append(all, other)
			}
			return all
		}
		stay, leave := build(TextOffloadNever), build(TextOffloadAlways)
		for i, p := range leave {
			r := request(t, p)
			want := conditions(t, stay[i])
			for j, samples := range leave {
				sampled(t, samples, r)
				if here, away := p.encoders.Held(torch.CPU); here != 0 || away == 0 {
					t.Errorf("%s %v: %d bytes stay and %d are away after a run of pipeline %d", c.Model, c.Files, here, away, j)
				}
				if !slices.Equal(conditions(t, p), want) {
					t.Errorf("%s %v: pipeline %d encodes otherwise after a run of %d", c.Model, c.Files, i, j)
				}
			}
		}
		for j, alone := range leave { // what it shares with others comes back to other places
			for _, m := range alone.texts {
				if _, err := m.Park(); err != nil {
					t.Fatal(err)
				}
			}
			for i, p := range slices.Backward(leave) {
				if !slices.Equal(conditions(t, p), conditions(t, stay[i])) {
					t.Errorf("%s %v: pipeline %d encodes otherwise after the text encoders of %d left alone", c.Model, c.Files, i, j)
				}
			}
		}
		pool := leave[0].encoders
		whole, own := int64(0), int64(0)
		for _, m := range leave[0].texts {
			here, _ := m.Held()
			own += here
		}
		for i, p := range slices.Backward(leave) {
			if here, away := pool.Held(torch.CPU); i == 0 {
				whole = here + away
			}
			p.spare()
			p.Close()
		}
		if whole != own || own == 0 {
			t.Errorf("%s %v: of the model without LoRAs, alone, %d bytes are known of %d", c.Model, c.Files, whole, own)
		}
		if here, away := pool.Held(torch.CPU); here != 0 || away != 0 || len(pool.all) != 0 {
			t.Errorf("%s %v: closed models are known, with %d and %d bytes", c.Model, c.Files, here, away)
		}
	}
}

// TestAnotherModelsTextEncodersLeave holds that a run makes room by those of all models that share Encoders, and of no others.
func TestAnotherModelsTextEncodersLeave(t *testing.T) {
	torchtest.Require(t)
	var pool Encoders
	o := LoadOptions{TextOffload: TextOffloadAlways, Encoders: &pool}
	p, other := load(t, fixture.Dir("tiny"), o), load(t, fixture.Dir("tiny-sdxl"), o)
	alone := load(t, fixture.Dir("tiny-sdxl"), LoadOptions{TextOffload: TextOffloadAlways})
	want := conditions(t, other)
	sampled(t, p, request(t, p))
	if here, away := pool.Held(torch.CPU); here != 0 || away == 0 {
		t.Errorf("%d bytes are on the device, %d away", here, away)
	}
	if here, away := alone.encoders.Held(torch.CPU); here == 0 || away != 0 {
		t.Errorf("of a model that shares none: %d bytes are on the device, %d away", here, away)
	}
	if !slices.Equal(conditions(t, other), want) {
		t.Error("the conditioning differs")
	}
}

// TestEncodingWhileOthersMakeRoom encodes in one goroutine while another has the text encoders leave all the time.
func TestEncodingWhileOthersMakeRoom(t *testing.T) {
	torchtest.Require(t)
	p := load(t, fixture.Dir("tiny-sdxl"), LoadOptions{TextOffload: TextOffloadAlways})
	want := conditions(t, p)
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		for ctx.Err() == nil {
			p.encoders.leave(torch.CPU)
		}
	})
	for range 10 {
		if !slices.Equal(conditions(t, p), want) {
			t.Error("the conditioning differs")
		}
	}
	stop()
	group.Wait()
}

// TestTextEncodersLeaveBeforeHostsSteps has them leave for a guided step of a host that samples itself, which is no run of the pipeline's.
func TestTextEncodersLeaveBeforeHostsSteps(t *testing.T) {
	torchtest.Require(t)
	p := load(t, fixture.Dir("tiny"), LoadOptions{TextOffload: TextOffloadAlways})
	positive := encode(t, p, scene)
	g := guided(positive)
	s, err := guidance.Open(guidance.Config{Model: p.Conditional(positive), Noise: p.Noise(), Method: g.Method, Target: g.Target})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fixture.InScope(t, func() {
		if _, _, err := s.Gradient(torch.Ones([]int64{1, 4, 8, 8}, torch.Float32, torch.CPU), guidance.Step{Index: 1, Count: 4, Sigma: 10}); err != nil {
			t.Fatal(err)
		}
	})
	if here, away := p.encoders.Held(torch.CPU); here != 0 || away == 0 {
		t.Errorf("%d bytes are on the device and %d away", here, away)
	}
}
