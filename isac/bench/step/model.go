package main

import (
	"context"
	"fmt"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// model is the denoiser alone under the inputs' conditionings. Text encoders and autoencoder are not loaded: the other side does without.
type model struct {
	*family.Model
	positive, negative side
}

type side struct{ text, vector torch.Tensor }

// newModel loads the denoiser.
func newModel(f *flags, in inputs) (*model, error) {
	files, err := family.Open(f.model)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	m := &model{}
	err = torch.InScope(func() (err error) {
		if m.Model, err = family.LoadDenoiser(files, dtypes[f.dtype], torch.Device(f.device)); err != nil {
			return err
		}
		for _, c := range []struct {
			from diffusion.Conditioning
			to   *side
		}{{in.positive, &m.positive}, {in.negative, &m.negative}} {
			pixels := in.step.Pixels
			c.to.text = c.from.Hidden.To(m.Denoiser.DType()).ToDevice(m.Denoiser.Device()).Keep()
			sizes := family.Sizes{Height: pixels, Width: pixels, TargetHeight: pixels, TargetWidth: pixels}
			if c.to.vector, err = m.Vector(c.from.Pooled, sizes); err != nil {
				return err
			}
			if c.to.vector.Defined() {
				c.to.vector = c.to.vector.Keep()
			}
		}
		return nil
	})
	if err != nil {
		m.close()
		return nil, err
	}
	m.Denoiser.Checkpoint(f.checkpoint)
	return m, nil
}

// Taps is the conditional side, as a guidance session reads it.
func (m *model) Taps(x torch.Tensor, timestep float64) ([]attention.Tap, error) {
	defer torch.Section("forward")()
	r := &attention.Recorder{Only: true}
	d := m.Denoiser
	_, err := d.ForwardContext(context.Background(), x.To(d.DType()).ToDevice(d.Device()), timestep, m.positive.text, m.positive.vector, r)
	return r.Taps(), err
}

// step is the evaluation of an unguided step on X_t: negative and positive in one batch, combined.
func (m *model) step(x torch.Tensor, timestep, cfg float64) error {
	defer torch.Section(sectionUnguided)()
	var err error
	torch.NoGrad(func() {
		err = torch.InScope(func() error {
			d := m.Denoiser
			in := x.To(d.DType()).ToDevice(d.Device())
			text, vector := torch.Cat([]torch.Tensor{m.negative.text, m.positive.text}, 0), torch.Tensor{}
			if m.positive.vector.Defined() {
				vector = torch.Cat([]torch.Tensor{m.negative.vector, m.positive.vector}, 0)
			}
			y, err := d.ForwardContext(context.Background(), torch.Cat([]torch.Tensor{in, in}, 0), timestep, text, vector, nil)
			if err != nil {
				return err
			}
			y = y.To(torch.Float32)
			negative, positive := y.Narrow(0, 0, 1), y.Narrow(0, 1, 1)
			negative.Add(positive.Sub(negative).MulScalar(cfg))
			return nil
		})
	})
	return err
}

// graphs are the denoiser's, nil where it records none.
func (m *model) graphs() *attention.Graphs {
	if g, ok := m.Denoiser.(interface{ Graphs() *attention.Graphs }); ok {
		return g.Graphs()
	}
	return nil
}

func (m *model) close() {
	for _, t := range []torch.Tensor{m.positive.text, m.positive.vector, m.negative.text, m.negative.vector} {
		if t.Defined() {
			t.Close()
		}
	}
	if m.Model != nil {
		m.Close()
	}
}

// open reads the inputs and loads the model. Both have to be closed.
func (f *flags) open() (inputs, *model, error) {
	in, err := readInputs(f.inputs)
	if err != nil {
		return inputs{}, nil, err
	}
	m, err := newModel(f, in)
	if err != nil {
		in.close()
		return inputs{}, nil, err
	}
	return in, m, nil
}

// guide takes a guided step. A step that is skipped is an error: there would be nothing to measure.
func guide(s *guidance.Session, x torch.Tensor, now guidance.Step) (torch.Tensor, guidance.Report, error) {
	moved, report, err := s.Guide(x, now)
	if err == nil && report.Skipped != "" {
		err = fmt.Errorf("the step was skipped: %s", report.Skipped)
	}
	return moved, report, err
}
