package guidance

import (
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
	err := c.each("latents", r.Latents, &wrong, func(s *core.Session, x torch.Tensor) (torch.Tensor, bool, error) {
		out, report, err := s.Guide(x, step)
		if err == nil {
			answer.Reports = append(answer.Reports, reportOf(report, r.Masks))
		}
		return out, report.Moves > 0, err
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
	err := c.each("noise", r.Noise, &wrong, func(s *core.Session, x torch.Tensor) (torch.Tensor, bool, error) {
		out, changed, err := s.Prepare(x, first)
		answer.Changed = answer.Changed || changed
		return out, changed, err
	}, &answer.Noise)
	if err != nil {
		return nil, err
	}
	return &isacpb.GuideResponse{Answer: &isacpb.GuideResponse_Prepared{Prepared: answer}}, nil
}

// each has fn change each image of a tensor [B,C,h,w] with its session, in float32 on the model's device, and gives what comes of it in
// the tensor's own type. Images that fn leaves alone keep their bits.
func (c *call) each(field string, sent *isacpb.Tensor, wrong *mistakes, fn func(s *core.Session, x torch.Tensor) (torch.Tensor, bool, error), to **isacpb.Tensor) error {
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
		torch.NoGrad(func() { err = s.each(field, sent, fn, to) })
		return err
	})
	if err != nil || named == "" {
		return err
	}
	*to, err = writeShared(c.host.Shared, named, *to)
	return err
}

func (s *session) each(field string, sent *isacpb.Tensor, fn func(s *core.Session, x torch.Tensor) (torch.Tensor, bool, error), to **isacpb.Tensor) error {
	var wrong mistakes
	x := tensorOf(sent)
	images := make([]torch.Tensor, len(s.images))
	for i := range images {
		images[i] = x.Narrow(0, int64(i), 1)
		if !images[i].AllFinite() {
			wrong.add(field, "image %d holds values that are not finite (NaN or Inf): the sampler or the model went wrong before guidance", i)
		}
	}
	if err := wrong.err(); err != nil {
		return err
	}
	any := false
	for i, image := range s.images {
		out, changed, err := fn(image, images[i].To(torch.Float32).ToDevice(s.pipeline.Device()))
		if err != nil {
			return err
		}
		if changed {
			images[i], any = out.To(x.DType()).ToDevice(torch.CPU), true
		}
	}
	if *to = sent; any {
		*to = like(torch.Cat(images, 0), sent)
	}
	return nil
}
