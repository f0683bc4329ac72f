package main

import (
	"encoding/json"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/isac/prompt"
	"github.com/isac-guidance/isac/isac/torch"
)

// step is what is said of the step, beside tensors.
type step struct {
	Prompt string `json:"prompt"`
	Pixels int    `json:"pixels"`
	// Sigma is the noise level, Timestep what the model is told for it.
	Sigma    float64 `json:"sigma"`
	Timestep float64 `json:"timestep"`
	// Index of Count steps, early enough to be guided and late enough that both losses have weight.
	Index   int          `json:"index"`
	Count   int          `json:"count"`
	CFG     float64      `json:"cfg"`
	Classes []classTaken `json:"classes"`
}

type classTaken struct {
	Name   string `json:"name"`
	Count  int    `json:"count"`
	Tokens []int  `json:"tokens"`
}

// target is what guidance aims at.
func (s step) target() guidance.Target {
	var t guidance.Target
	for _, c := range s.Classes {
		t.Classes = append(t.Classes, guidance.Class{Name: c.Name, Count: c.Count, Tokens: c.Tokens})
	}
	return t
}

// The step of all measurements: the third of ten, near the training timestep that a plain schedule has there.
const (
	trained   = 801
	stepIndex = 2
	stepCount = 10
	cfg       = 7.5
)

// writeInputs makes X_t of random values, encodes the prompt and the empty one, and writes both with what is said of the step.
func writeInputs(path string, p *diffusion.Pipeline, text string, pixels int) error {
	if pixels == 0 {
		pixels = p.NativeSize()
	}
	f := p.Factor()
	if pixels%f != 0 {
		return fmt.Errorf("--pixels is %d, expected a multiple of %d", pixels, f)
	}
	positive, err := p.EncodePrompt(text)
	if err != nil {
		return err
	}
	defer positive.Close()
	negative, err := p.EncodePrompt("")
	if err != nil {
		return err
	}
	defer negative.Close()
	target, err := methods.TargetFromPrompt(prompt.Parse(text), positive.Spans)
	if err != nil {
		return err
	}
	sigma := p.Noise().SigmaAt(trained)
	s := step{Prompt: text, Pixels: pixels, Sigma: sigma, Timestep: p.Noise().Timestep(sigma), Index: stepIndex, Count: stepCount, CFG: cfg}
	for _, c := range target.Classes {
		s.Classes = append(s.Classes, classTaken{c.Name, c.Count, c.Tokens})
	}
	about, err := json.Marshal(s)
	if err != nil {
		return err
	}
	g := torch.NewGenerator(1)
	defer g.Close()
	side := int64(pixels / f)
	entries := []weights.Entry{
		weights.FromTensor("latent", g.Randn(1, int64(p.LatentChannels()), side, side)),
		weights.FromTensor("positive", positive.Hidden), weights.FromTensor("negative", negative.Hidden),
	}
	if positive.Pooled.Defined() {
		entries = append(entries, weights.FromTensor("positive.pooled", positive.Pooled), weights.FromTensor("negative.pooled", negative.Pooled))
	}
	return weights.Write(path, entries, map[string]string{"step": string(about)})
}

// inputs are what writeInputs wrote.
type inputs struct {
	step               step
	latent             torch.Tensor
	positive, negative diffusion.Conditioning
}

// readInputs reads them; the tensors are the caller's to close.
func readInputs(path string) (in inputs, err error) {
	f, err := weights.Open(path)
	if err != nil {
		return in, err
	}
	defer f.Close()
	if err := json.Unmarshal([]byte(f.Metadata()["step"]), &in.step); err != nil {
		return in, fmt.Errorf("%s says nothing of a step: make it with --write: %w", path, err)
	}
	err = torch.InScope(func() error {
		for name, to := range map[string]*torch.Tensor{
			"latent": &in.latent, "positive": &in.positive.Hidden, "negative": &in.negative.Hidden,
			"positive.pooled": &in.positive.Pooled, "negative.pooled": &in.negative.Pooled,
		} {
			if !f.Has(name) {
				continue
			}
			t, err := f.Tensor(name)
			if err != nil {
				return err
			}
			*to = t.Clone().Keep()
		}
		return nil
	})
	return in, err
}

func (in *inputs) close() {
	if in.latent.Defined() {
		in.latent.Close()
	}
	in.positive.Close()
	in.negative.Close()
}
