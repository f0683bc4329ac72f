package bench

import (
	"context"
	"errors"
	"fmt"
	"image"
	"time"

	"github.com/isac-guidance/isac/isac/bench/detect"
	"github.com/isac-guidance/isac/isac/bench/score"
	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/torch"
)

// Studio is a loaded model with detectors: it makes pictures and counts what is in them. It works on an executor of its own and
// is for one goroutine.
type Studio struct {
	plan      *Plan
	executor  *torch.Executor
	pipeline  *diffusion.Pipeline
	detectors []detect.Detector
	negative  diffusion.Conditioning
	size      int
}

// OpenStudio loads the model and the detectors of a plan. The caller closes the studio.
func OpenStudio(ctx context.Context, p *Plan) (*Studio, error) {
	if err := torch.Load(""); err != nil {
		return nil, err
	}
	s := &Studio{plan: p, executor: torch.NewExecutor()}
	err := s.executor.Do(ctx, func() (err error) {
		if s.pipeline, err = diffusion.Load(p.Model, diffusion.LoadOptions{Device: p.Device, DType: p.DType, Checkpoint: p.Checkpoint, MaxMemory: p.MaxMemory}); err != nil {
			return err
		}
		if s.size = p.Size; s.size == 0 {
			s.size = s.pipeline.NativeSize()
		}
		if s.detectors, err = OpenDetectors(p.Detectors); err != nil {
			return err
		}
		s.negative, err = s.pipeline.EncodePrompt("")
		return err
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close frees the model and the detectors. Closing twice is allowed.
func (s *Studio) Close() error {
	err := s.executor.Do(context.Background(), func() error {
		s.negative.Close()
		if s.pipeline != nil {
			s.pipeline.Close()
		}
		return closeDetectors(s.detectors)
	})
	s.executor.Close()
	if errors.Is(err, torch.ErrExecutorClosed) {
		return nil
	}
	return err
}

// Make makes one picture and gives its record. A context that is done ends it within one evaluation of the model, with its error.
// Where guidance drives the latent out of the numbers there is no picture: it is black, nothing is found in it, and the record's
// only step says why.
func (s *Studio) Make(ctx context.Context, u Unit) (score.Record, image.Image, error) {
	record := u.Record(s.plan.Split)
	var picture image.Image
	err := s.executor.Do(ctx, func() error {
		positive, err := s.pipeline.EncodePrompt(u.Prompt)
		if err != nil {
			return err
		}
		defer positive.Close()
		guidance, err := s.guidance(u, positive)
		if err != nil {
			return err
		}
		picture, err = s.draw(ctx, u, positive, guidance, &record)
		if errors.Is(err, diffusion.ErrNotFinite) && u.Method.Guided() {
			picture = image.NewNRGBA(image.Rect(0, 0, s.size, s.size))
			record.Losses, record.Found = []score.StepLoss{{Skipped: err.Error()}}, map[string][]detect.Detection{}
			for _, d := range s.detectors {
				record.Found[d.Name()] = nil
			}
			return nil
		}
		if err != nil {
			return err
		}
		wanted := make([]string, len(u.Wanted))
		for i, w := range u.Wanted {
			wanted[i] = w.Class
		}
		record.Found, err = detectAll(s.detectors, picture, s.plan.Classes, wanted)
		return err
	})
	if err != nil {
		return record, nil, fmt.Errorf("%q, seed %d, method %s: %w", u.Prompt, u.Seed, u.Method, err)
	}
	return record.Round(), picture, nil
}

// guidance is what the method does to this picture; nil for plain sampling.
func (s *Studio) guidance(u Unit, positive diffusion.Conditioning) (*diffusion.Guidance, error) {
	g := &diffusion.Guidance{}
	switch options := u.Method.Options(); {
	case options != nil:
		g.Method = options.Method
	case s.plan.Measure:
		g.Method, g.Measure = s.plan.Look, true
	default:
		return nil, nil
	}
	var err error
	g.Target, err = aim(u.Item, positive.Spans)
	return g, err
}

// draw samples and decodes, and notes time, memory and losses.
func (s *Studio) draw(ctx context.Context, u Unit, positive diffusion.Conditioning, guidance *diffusion.Guidance, record *score.Record) (image.Image, error) {
	device := s.pipeline.Device()
	if device == torch.CPU {
		torch.EmptyCache(device) // what the picture before has left on the heap is not this one's
	}
	torch.Synchronize(device)
	torch.ResetPeak(device)
	start := time.Now()
	defer func() {
		torch.Synchronize(device)
		record.Seconds, record.PeakBytes = time.Since(start).Seconds(), torch.MemoryStats(device).Peak
	}()
	out, err := s.pipeline.Run(ctx, diffusion.SampleRequest{
		Positive: positive, Negative: s.negative, Width: s.size, Height: s.size,
		Steps: s.plan.Steps, CFG: s.plan.CFG, Sampler: s.plan.Sampler, Scheduler: s.plan.Scheduler, Seed: u.Seed, Denoise: 1,
		Guidance: guidance,
	})
	if err != nil {
		return nil, err
	}
	defer out.Latent.Close()
	record.Evaluations, record.Gradients, record.Choice = out.Cost.Evaluations, out.Cost.Gradients, choiceOf(out.Choices)
	decoded, err := s.pipeline.DecodeLatent(out.Latent)
	if err != nil {
		return nil, err
	}
	defer decoded.Close()
	record.Losses = losses(out.Reports)
	pictures, err := diffusion.Images(decoded)
	if err != nil {
		return nil, err
	}
	return pictures[0], nil
}

// choiceOf is how the first image was chosen; nil where nothing was.
func choiceOf(choices []diffusion.Choice) *score.Choice {
	if len(choices) == 0 {
		return nil
	}
	c := choices[0]
	made := &score.Choice{Seed: c.Candidates[c.Chosen].Seed}
	for _, one := range c.Candidates {
		made.Losses = append(made.Losses, one.Loss)
	}
	return made
}
