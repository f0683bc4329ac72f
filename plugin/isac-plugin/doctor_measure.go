package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/isac/prompt"
	"github.com/isac-guidance/isac/isac/torch"
)

// measuredPrompt names classes that every model with CLIP's words has.
const measuredPrompt = "a photo of two cats and a dog"

// measure prints a table of what was foretold of a run and what it takes, both beside weights.
func (r *report) measure(m foretold, f *diffusion.Forecast, how diffusion.LoadOptions, request diffusion.SampleRequest) {
	runtime.LockOSThread() // the model belongs to one thread
	defer runtime.UnlockOSThread()
	peaks, err := measuredPeaks(m.Model, f, how, request)
	if err != nil {
		r.wrong("measure: %v", err)
		return
	}
	weights := f.Beside(f.Unguided) - f.Unguided
	line := func(what string, foretold, measured int64) {
		to := fmt.Sprintf("%+.0f %%", 100*(float64(foretold)/float64(measured)-1))
		r.line("", "| %s | %s | %s | %s | %.2f |", what, bytesText(foretold), bytesText(measured), to,
			float64(weights+measured)/float64(weights+peaks.Unguided))
	}
	r.line("measured", "| a step, beside weights of %s | foretold | measured | foretold is | with weights, to unguided |", bytesText(weights))
	r.line("", "| --- | ---: | ---: | ---: | ---: |")
	line("unguided", f.Unguided, peaks.Unguided)
	if m.Guided {
		line("guided", f.Guided, peaks.Guided)
		line("guided, gradient checkpoints", f.Checkpointed, peaks.Checkpointed)
	}
	line("decoding", f.Decode, peaks.Decode)
}

func measuredPeaks(path string, f *diffusion.Forecast, how diffusion.LoadOptions, request diffusion.SampleRequest) (diffusion.Peaks, error) {
	p, err := diffusion.Load(path, how)
	if err != nil {
		return diffusion.Peaks{}, err
	}
	defer p.Close()
	if request.Positive, err = p.EncodePrompt(measuredPrompt); err != nil {
		return diffusion.Peaks{}, err
	}
	defer request.Positive.Close()
	if request.Negative, err = p.EncodePrompt(""); err != nil {
		return diffusion.Peaks{}, err
	}
	defer request.Negative.Close()
	if g := request.Guidance; g != nil {
		if g.Target, err = methods.TargetFromPrompt(prompt.Parse(measuredPrompt), request.Positive.Spans); err != nil {
			return diffusion.Peaks{}, err
		}
	}
	request.Width, request.Height = f.Width, f.Height
	var peaks diffusion.Peaks
	err = torch.Try(func() (err error) {
		peaks, err = p.MeasurePeaks(context.Background(), request)
		return err
	})
	return peaks, err
}
