package guidance

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/torch"
)

// GuideAll is Guide of several images of one run, each with a session of its own, xs[i] [1,C,H,W] with sessions[i], all opened with the same
// model, noise and method. Where the model takes several at once (Several), their first moves share an evaluation and its gradient, which
// differ from those of one image alone in their last bits. Images that have no move to take at this step, and moves after the first, are looked
// at one by one. Where memory runs out, fewer are taken at once.
//
// It fails where Guide of one of them fails.
func GuideAll(sessions []*Session, xs []torch.Tensor, step Step) ([]torch.Tensor, []Report, error) {
	if len(sessions) > 0 {
		step.Timestep = sessions[0].config.Noise.Timestep(step.Sigma)
	}
	g := group{step: step, outs: make([]torch.Tensor, len(xs)), reports: make([]Report, len(xs)), sessions: sessions, xs: xs}
	var waiting []int
	for i, s := range sessions {
		if s.joins(step) {
			waiting = append(waiting, i)
		}
	}
	for len(waiting) > 1 {
		model := sessions[waiting[0]].config.Model.(Several)
		n := model.AtOnce(xs[waiting[0]], len(waiting))
		if n < 2 {
			break
		}
		err := g.guide(waiting[:n])
		if torch.IsOutOfMemory(err) {
			model.Crowded(n)
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("guidance: step %d of %d: %w", step.Index+1, step.Count, err)
		}
		waiting = waiting[n:]
	}
	for i, s := range sessions {
		if g.outs[i].Defined() {
			continue
		}
		var err error
		if g.outs[i], g.reports[i], err = s.Guide(xs[i], step); err != nil {
			return nil, nil, err
		}
	}
	return g.outs, g.reports, nil
}

// joins tells whether a session's next step may begin with a move that shares its evaluation.
func (s *Session) joins(step Step) bool {
	if _, able := s.config.Model.(Several); !able || s.closed || len(s.parts) > 0 || s.config.Measure || s.aimless() != "" {
		return false
	}
	return step.check() == nil && s.idle(step) == "" && s.takesGradient()
}

// group is one step of several images.
type group struct {
	step     Step
	sessions []*Session
	xs       []torch.Tensor
	outs     []torch.Tensor // undefined until the image's step is taken
	reports  []Report
}

// member is one image of a group while its step is taken.
type member struct {
	*Session
	image  int
	report Report
	maps   *Maps
	seen   look
	to     movement
	norms  []float64 // of the move
	alone  bool      // the shared evaluation was of no use
}

// guide takes the step of some images of the group at once.
func (g *group) guide(images []int) error {
	members := make([]*member, len(images))
	for i, image := range images {
		members[i] = &member{Session: g.sessions[image], image: image}
	}
	to, err := scopedAll(func() ([]torch.Tensor, error) {
		if err := g.look(members); err != nil {
			return nil, err
		}
		descend(members)
		to := make([]torch.Tensor, len(members))
		for i, m := range members {
			if m.alone {
				continue
			}
			var err error
			first := func() (torch.Tensor, look, error) {
				return m.land(&m.seen, m.to, m.norms), m.seen, nil
			}
			if to[i], err = m.moves(m.seen.at, &m.report, first); err != nil {
				return nil, err
			}
			if m.report.Moves == 0 {
				if err := checkFinite(g.xs[m.image]); err != nil {
					return nil, err
				}
			}
		}
		return to, nil
	})
	if err != nil {
		return err
	}
	for i, m := range members {
		if !m.alone {
			g.outs[m.image], g.reports[m.image] = m.taken(g.xs[m.image], to[i], m.report, m.maps), m.report
		}
	}
	return nil
}

// descend takes the first move of each member, and reads all their losses and norms at once. A member of which something else was supposed has to
// look again alone.
func descend(members []*member) {
	var unread []torch.Tensor
	for _, m := range members {
		if !m.alone {
			m.to = m.descend(&m.seen, m.report.Step)
		}
		unread = append(unread, m.seen.unread, m.to.norms)
	}
	read := readAll(unread...)
	for i, m := range members {
		m.norms = read[2*i+1]
		m.learn(&m.seen, read[2*i], m.norms)
		m.alone = m.alone || m.seen.missed
	}
}

// look evaluates the model at all members, has their methods measure, and takes the gradient of all losses: the images have nothing to do with
// each other, so that of an image is its rows.
func (g *group) look(members []*member) (err error) {
	at := make([]torch.Tensor, len(members))
	for i, m := range members {
		m.report, m.maps = Report{Step: g.step}, m.observed(g.step)
		if err := checkShape(g.xs[m.image]); err != nil {
			return err
		}
		if err := m.begin(&m.report); err != nil {
			return err
		}
		at[i] = m.config.Noise.Input(g.xs[m.image], g.step.Sigma).Detach()
	}
	torch.WithGrad(func() {
		leaf := torch.Cat(at, 0).SetRequiresGrad(true)
		if err = evaluateAll(members, leaf); err == nil {
			gradients(members, leaf)
		}
	})
	return err
}

// evaluateAll evaluates the model at x [B,C,H,W], the members' X_t.
func evaluateAll(members []*member, x torch.Tensor) error {
	first := members[0]
	model := first.config.Model.(Several)
	wanted := first.reads(model.Layers(x.Narrow(0, 0, 1)))
	taps, prediction, err := model.Evaluate(x, first.report.Timestep, Ask{Layers: lastOf(wanted) + 1, Prediction: first.options.Reuse.On()})
	if err != nil {
		return err
	}
	for i, m := range members {
		row := func(t torch.Tensor) torch.Tensor { return t.Narrow(0, int64(i), 1) }
		own := make([]attention.Tap, len(taps))
		for j, t := range taps {
			t.Q, t.K = row(t.Q), row(t.K)
			own[j] = t
		}
		m.seen.at = row(x)
		if prediction.Defined() {
			m.seen.prediction = row(prediction)
		}
		r, err := readSome(own, wanted)
		if err != nil {
			return err
		}
		if err := m.measure(&m.seen, r, m.report.Step, glance{maps: m.maps, move: true}); err != nil {
			return err
		}
		m.settle(&m.seen, &m.report)
	}
	return nil
}

// gradients takes the gradient of what the members saw with respect to x, in one backward pass. Of a float16 model, of which one pass may
// not be enough, a member whose gradient is not finite or faint has to look again alone.
func gradients(members []*member, x torch.Tensor) {
	var losses []torch.Tensor
	var of []*member
	for _, m := range members {
		if m.seen.Skipped != "" {
			continue
		}
		if loss := m.seen.total(); loss.Defined() {
			losses, of = append(losses, loss.MulScalar(m.lossScale(&m.seen))), append(of, m)
		}
	}
	if len(of) == 0 {
		return
	}
	all := wide(torch.VJP(losses, nil, []torch.Tensor{x}, false)[0])
	for i, m := range members {
		m.seen.gradient = all.Narrow(0, int64(i), 1)
	}
	for _, m := range of {
		if m.seen.half && m.seen.trial == 0 {
			if !legible(m.seen.gradient.NormAll().Item()) {
				m.alone = true
				continue
			}
		}
		m.seen.gradient = m.seen.gradient.DivScalar(m.lossScale(&m.seen))
	}
}
