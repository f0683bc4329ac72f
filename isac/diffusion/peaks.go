package diffusion

import (
	"context"

	"github.com/isac-guidance/isac/isac/torch"
)

// Peaks are what a run takes on the device beside weights at most, in bytes, as libtorch's allocator counted it: tensors, and what operations
// take while they run. They are what a Forecast foresees.
type Peaks struct {
	Unguided, Guided, Checkpointed, Decode int64
}

// MeasurePeaks makes one step of the request unguided, guided, and guided with gradient checkpoints, and decodes what came of it, and tells what
// each took. What guidance has is 0 without r.Guidance. A libtorch that does not count memory of the device gives zeros.
func (p *Pipeline) MeasurePeaks(ctx context.Context, r SampleRequest) (Peaks, error) {
	var out Peaks
	r.Steps, r.Decode, r.OnStep = 1, false, nil
	if r.Sampler == "" {
		r.Sampler, r.Scheduler, r.Denoise = "euler", "normal", 1
	}
	guidance, checkpoint, auto := r.Guidance, p.checkpoint, p.autoCheckpoint
	defer func() { p.checkpoint, p.autoCheckpoint = checkpoint, auto }()
	var latent torch.Tensor
	sample := func() (err error) {
		if latent.Defined() {
			latent.Close()
		}
		latent, _, err = p.Sample(ctx, r)
		return err
	}
	if _, err := p.plan(&r); err != nil { // text encoders that leave before a run are no part of what it takes
		return out, err
	}
	r.Guidance, p.autoCheckpoint = nil, false
	err := p.peak(&out.Unguided, sample)
	if r.Guidance = guidance; guidance != nil && err == nil {
		p.checkpoint = false
		if err = p.peak(&out.Guided, sample); err == nil {
			p.checkpoint = true
			err = p.peak(&out.Checkpointed, sample)
		}
	}
	if err == nil {
		err = p.peak(&out.Decode, func() error {
			images, err := p.DecodeLatentContext(ctx, latent)
			images.Close()
			return err
		})
	}
	latent.Close()
	return out, err
}

// peak tells what fn takes at most beside what is taken before.
func (m machine) peak(into *int64, fn func() error) error {
	m.empty()
	torch.ResetPeak(m.device)
	before := torch.MemoryStats(m.device).Tensors
	err := fn()
	*into = torch.MemoryStats(m.device).TensorsPeak - before
	return err
}
