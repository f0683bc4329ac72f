package guidance

import (
	"slices"

	core "github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/plugin/isacpb"
)

// step guides the latents of one step.
func (c *call) step(r *isacpb.GuidanceStep) (*isacpb.GuideResponse, error) {
	var wrong mistakes
	if r.Count < 1 || r.Index < 0 || r.Index >= r.Count {
		wrong.add("index", "step %d of %d: the index must be in 0..count-1", r.Index, r.Count)
	}
	step := core.Step{Index: int(r.Index), Count: int(r.Count), Sigma: c.session.noise.at(r.Sigma, r.Timestep, &wrong)}
	answer := &isacpb.GuidanceStepped{}
	err := c.change("latents", r.Latents, &wrong, func(xs []torch.Tensor) ([]torch.Tensor, []bool, error) {
		out, reports, err := core.GuideAll(c.session.images, xs, step)
		changed := make([]bool, len(reports))
		for i, report := range reports {
			answer.Reports, changed[i] = append(answer.Reports, reportOf(report, r.Masks)), report.Moves > 0
		}
		return out, changed, err
	}, &answer.Latents)
	if err != nil {
		return nil, err
	}
	return &isacpb.GuideResponse{Answer: &isacpb.GuideResponse_Stepped{Stepped: answer}}, nil
}

// prepare has the methods change the noise of a run that is to begin.
func (c *call) prepare(r *isacpb.GuidancePrepare) (*isacpb.GuideResponse, error) {
	var wrong mistakes
	if r.Count < 1 {
		wrong.add("count", "%d steps: expected at least 1", r.Count)
	}
	first := core.Step{Count: int(r.Count), Sigma: c.session.noise.at(r.Sigma, r.Timestep, &wrong)}
	answer := &isacpb.GuidancePrepared{}
	err := c.change("noise", r.Noise, &wrong, func(xs []torch.Tensor) (out []torch.Tensor, changed []bool, err error) {
		out, changed = make([]torch.Tensor, len(xs)), make([]bool, len(xs))
		for i, s := range c.session.images {
			if out[i], changed[i], err = s.Prepare(xs[i], first); err != nil {
				return nil, nil, err
			}
			answer.Changed = answer.Changed || changed[i]
		}
		return out, changed, nil
	}, &answer.Noise)
	if err != nil {
		return nil, err
	}
	return &isacpb.GuideResponse{Answer: &isacpb.GuideResponse_Prepared{Prepared: answer}}, nil
}

// changer changes some of the images of a session, [1,C,h,w] each in float32 on the model's device, and tells which.
type changer func(xs []torch.Tensor) (out []torch.Tensor, changed []bool, err error)

// change has fn change the images of a tensor [B,C,h,w], and gives what comes of it in the tensor's own type. Images that fn leaves alone
// keep their bits.
func (c *call) change(field string, sent *isacpb.Tensor, wrong *mistakes, fn changer, to **isacpb.Tensor) error {
	s, named := c.session, sent.GetShared()
	if named != "" {
		var err error
		if sent, err = readShared(c.host.Shared, sent); err != nil {
			wrong.check(field, err)
			return wrong.err()
		}
	}
	wrong.check(field, checkTensor(sent, int64(len(s.images)), int64(s.pipeline.LatentChannels()), -1, -1))
	if err := wrong.err(); err != nil {
		return err
	}
	err := c.do(func() (err error) {
		torch.NoGrad(func() { err = s.change(field, sent, fn, to) })
		return err
	})
	if err != nil || named == "" {
		return err
	}
	*to, err = writeShared(c.host.Shared, named, *to)
	return err
}

func (s *session) change(field string, sent *isacpb.Tensor, fn changer, to **isacpb.Tensor) error {
	var wrong mistakes
	x := tensorOf(sent)
	images, xs := make([]torch.Tensor, len(s.images)), make([]torch.Tensor, len(s.images))
	for i := range images {
		images[i] = x.Narrow(0, int64(i), 1)
		if !images[i].AllFinite() {
			wrong.add(field, "image %d holds values that are not finite (NaN or Inf): the sampler or the model went wrong before guidance", i)
		}
	}
	if err := wrong.err(); err != nil {
		return err
	}
	for i, image := range images {
		xs[i] = image.To(torch.Float32).ToDevice(s.pipeline.Device())
	}
	out, changed, err := fn(xs)
	if err != nil {
		return err
	}
	for i := range images {
		if changed[i] {
			images[i] = out[i].To(x.DType()).ToDevice(torch.CPU)
		}
	}
	if *to = sent; slices.Contains(changed, true) {
		*to = like(torch.Cat(images, 0), sent)
	}
	return nil
}
