package guidance

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/diffusion/family"
	core "github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/nodes"
	"github.com/isac-guidance/isac/plugin/isacpb"
)

// maxImages is the most images of one session.
const maxImages = 64

// session is what a stream has open.
type session struct {
	model        *nodes.Model
	pipeline     *diffusion.Pipeline
	conditioning diffusion.Conditioning
	noise        *hostNoise
	images       []*core.Session
}

// close gives back what the session holds.
func (s *session) close() {
	for _, image := range s.images {
		image.Close()
	}
	s.conditioning.Close()
	if s.model != nil {
		s.model.Close()
	}
}

// begin opens a session. What can be wrong without the model is told at once, before it is loaded.
func (c *call) begin(r *isacpb.GuidanceOpen) (*isacpb.GuideResponse, error) {
	method, err := c.checkOpen(r)
	if err != nil {
		return nil, err
	}
	s := &session{}
	var opened *isacpb.GuidanceOpened
	err = c.do(func() (err error) {
		opened, err = c.set(s, r, method)
		return err
	})
	if err != nil {
		s.close()
		return nil, err
	}
	c.session = s
	c.open.Add(1)
	return &isacpb.GuideResponse{Answer: &isacpb.GuideResponse_Opened{Opened: opened}}, nil
}

// checkOpen gives the method, or all that is wrong with the request.
func (s *Service) checkOpen(r *isacpb.GuidanceOpen) (core.Method, error) {
	var wrong mistakes
	if r.Checkpoint == "" {
		wrong.add("checkpoint", "empty: give a name that %s offers", loader)
	}
	if !known(r.Parametrisation) {
		wrong.add("parametrisation", "%v: say what the host's latents are, COMFYUI or MODEL", r.Parametrisation)
	}
	if r.Images < 0 || r.Images > maxImages {
		wrong.add("images", "%d: a session has 1 to %d", r.Images, maxImages)
	}
	if e := r.Encoded; e != nil {
		wrong.check("encoded.hidden", checkTensor(e.Hidden, 1, -1, -1))
		if e.Pooled != nil {
			wrong.check("encoded.pooled", checkTensor(e.Pooled, 1, -1))
		}
	}
	checkInstances(r, &wrong)
	s.checkLoRAs(r, &wrong)
	checkWeights(r, &wrong)
	checkSharedWeights(r, &wrong)
	entry, err := methods.Find(cmp.Or(r.Method, methods.Names()[0]))
	if err != nil {
		wrong.check("method", err)
		return nil, wrong.err()
	}
	if entry.Chooses() {
		wrong.add("method", "%s chooses among several runs, which a session of one run cannot: use %s, or the node ISACSelect", entry.Name, strings.Join(methods.NamesOf(methods.Guiding()), " or "))
		return nil, wrong.err()
	}
	method, err := entry.Preset(r.Preset)
	if err != nil {
		wrong.check("preset", err)
		return nil, wrong.err()
	}
	method, err = core.With(method, r.Options)
	wrong.check("options", err)
	return method, wrong.err()
}

// set makes the session, which is closed by the caller whether or not this fails.
func (c *call) set(s *session, r *isacpb.GuidanceOpen, method core.Method) (*isacpb.GuidanceOpened, error) {
	if err := c.compare(r); err != nil {
		return nil, err
	}
	plain, clip, err := c.load(c.ctx, r)
	if err != nil {
		return nil, err
	}
	if s.model, clip, err = c.withLoRAs(c.ctx, plain, clip, r); err != nil {
		return nil, err
	}
	defer clip.Close()
	s.pipeline = s.model.Pipeline()
	if err := s.encode(c, r, clip.Pipeline()); err != nil {
		return nil, err
	}
	target, notes, err := aim(r, s.conditioning)
	if err != nil {
		return nil, err
	}
	s.noise = &hostNoise{Noise: s.pipeline.Noise(), plain: r.Parametrisation == isacpb.Parametrisation_PARAMETRISATION_MODEL}
	model := s.pipeline.ConditionalContext(c.ctx, s.conditioning)
	for i := range max(1, int(r.Images)) {
		image, err := core.Open(core.Config{
			Model: model, Noise: s.noise, Method: method, Target: target, Measure: r.Measure, Seed: r.Seed + uint64(i),
		})
		if err != nil {
			var wrong mistakes
			wrong.check("instances", err)
			return nil, wrong.err()
		}
		s.images = append(s.images, image)
	}
	opened := s.tell(method, target, slices.Concat(notes, s.model.Notes(), s.conditioning.Notes))
	opened.SharedFolder = c.host.Shared
	return opened, nil
}

// encode takes the host's conditioning, or makes one of the prompt with the text encoders of a pipeline.
func (s *session) encode(c *call, r *isacpb.GuidanceOpen, text *diffusion.Pipeline) (err error) {
	options := nodes.PromptOptions(c.host.Env())
	if r.Encoded == nil {
		if s.conditioning, err = text.EncodePrompts(c.ctx, options, r.Prompt); err != nil {
			if errors.Is(err, diffusion.ErrWeight) {
				var wrong mistakes
				wrong.check("prompt", err)
				err = wrong.err()
			}
			return err
		}
	} else {
		torch.NoGrad(func() {
			here := func(t *isacpb.Tensor) torch.Tensor {
				return tensorOf(t).To(torch.Float32).ToDevice(s.pipeline.Device()).Keep()
			}
			hidden, pooled := here(r.Encoded.Hidden), torch.Tensor{}
			if r.Encoded.Pooled != nil {
				pooled = here(r.Encoded.Pooled)
			}
			s.conditioning = s.pipeline.HostConditioning(options, r.Prompt, hidden, pooled)
		})
	}
	if z := r.Sizes; z != nil {
		s.conditioning.Sizes = &family.Sizes{
			Height: int(z.Height), Width: int(z.Width), Top: int(z.Top), Left: int(z.Left),
			TargetHeight: int(z.TargetHeight), TargetWidth: int(z.TargetWidth),
		}
	}
	var wrong mistakes
	wrong.check("encoded", s.pipeline.CheckConditioning(s.conditioning))
	return errors.Join(wrong.err())
}

// tell says what was opened.
func (s *session) tell(method core.Method, target core.Target, notes []string) *isacpb.GuidanceOpened {
	p := s.pipeline
	opened := &isacpb.GuidanceOpened{
		Family: p.Family().Name, Device: string(p.Device()), Dtype: p.DType().String(),
		LatentChannels: int32(p.LatentChannels()), Factor: int32(p.Factor()), SigmaMin: s.noise.SigmaMin(), SigmaMax: s.noise.SigmaMax(),
		Method: method.Name(), Options: options(method), Notes: notes,
	}
	for _, class := range target.Classes {
		instances := &isacpb.GuidanceInstances{Name: class.Name, Count: int32(class.Count)}
		for _, t := range class.Tokens {
			instances.Tokens = append(instances.Tokens, int32(t))
		}
		opened.Target = append(opened.Target, instances)
	}
	return opened
}
