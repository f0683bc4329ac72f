package diffusion

import (
	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// evaluated is what the model made of the state that a step begins with, which is what samplers ask for first.
type evaluated struct {
	x     torch.Tensor // kept, as out is
	sigma float64
	out   []torch.Tensor // D of all rows, and D_negative
}

func (e *evaluated) close() {
	if e != nil {
		e.x.Close()
		closeAll(e.out)
	}
}

// before measures the rows that are still there at the start of a step, or has guidance move them.
func (s *selection) before(i int, sigma float64, x torch.Tensor) (torch.Tensor, error) {
	r := s.run
	from := r.inpaint.before(x, sigma)
	s.ready.close()
	s.ready, s.taken = nil, i+1
	r.current = make([]guidance.Report, len(s.alive))
	for row := range r.current {
		r.current[row] = guidance.Report{Step: r.step(i, sigma), Skipped: s.unseen(row, i)}
		if s.alive[row] {
			s.steps[row]++
		}
	}
	r.reports = append(r.reports, r.current)
	if s.measures {
		return x, s.measure(i, from, sigma)
	}
	guided := from
	for _, rows := range s.parts() {
		var reports []guidance.Report
		var err error
		if guided, reports, err = r.guide(guided, rows, r.step(i, sigma)); err != nil {
			return x, err
		}
		for at, row := range rows {
			s.saw(row, reports[at])
		}
	}
	if !moved(r.current) {
		return x, nil
	}
	return r.inpaint.moved(x, from, guided), nil
}

// unseen tells why a row is not looked at at a step, "" if it is.
func (s *selection) unseen(row, i int) string {
	switch {
	case !s.alive[row]:
		return "the candidate was dropped"
	case s.measures && i < s.first:
		return "before the steps that are measured"
	case s.measures && i >= s.end:
		return "the choice was made"
	}
	return ""
}

// saw notes what a row's session saw at a step.
func (s *selection) saw(row int, report guidance.Report) {
	s.run.current[row] = report
	s.seen[row] = append(s.seen[row], report)
}

// measure has the sessions of a step look at x. It costs the model nothing: they read the attention of the evaluation of x that the sampler is
// about to ask for, which is kept until then. Where conditionings hold for parts of the picture, no evaluation of the sampler's
// shows what guidance reads, and each session evaluates the model on its own.
func (s *selection) measure(i int, x torch.Tensor, sigma float64) error {
	if i < s.first || i >= s.end {
		return nil
	}
	look := func(rows []int) error {
		for _, row := range rows {
			err := torch.InScope(func() error {
				_, report, err := s.run.sessions[row].Guide(x.Narrow(0, int64(row), 1), s.run.current[row].Step)
				s.saw(row, report)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	if s.run.denoise.several != nil {
		for _, rows := range s.parts() {
			if err := look(rows); err != nil {
				return err
			}
		}
		return nil
	}
	out, err := s.evaluate(x, sigma, look)
	if err != nil {
		return err
	}
	s.ready = &evaluated{x: x.Clone().Keep(), sigma: sigma}
	for _, t := range out {
		s.ready.out = append(s.ready.out, t.Keep())
	}
	return nil
}

// denoised is what the model makes of x, D and D_negative: what it made of the step's first state, or evaluated anew. Rows that were
// dropped are D = x: they stand still.
func (s *selection) denoised(x torch.Tensor, sigma float64) ([]torch.Tensor, error) {
	if e := s.ready; e != nil && e.sigma == sigma && torch.Scoped(func() torch.Tensor { return x.Eq(e.x).All() }).Bools()[0] {
		out := make([]torch.Tensor, len(e.out))
		for i, t := range e.out {
			out[i] = t.Clone()
		}
		return out, nil
	}
	return s.evaluate(x, sigma, nil)
}

// evaluate asks the model about the rows that are there, as many at once as there is room for; where memory runs out all the same, about half
// as many from then on. look, if not nil, is called after each evaluation for the rows that it was for, while their sessions find its
// attention recorded.
func (s *selection) evaluate(x torch.Tensor, sigma float64, look func(rows []int) error) ([]torch.Tensor, error) {
	var err error
	out := torch.WithScope(func() []torch.Tensor {
		sides := [2][]torch.Tensor{}
		for row := range x.Size(0) {
			for side := range sides {
				sides[side] = append(sides[side], x.Narrow(0, row, 1))
			}
		}
		for parts := s.parts(); len(parts) > 0; {
			rows := parts[0]
			parts = parts[1:]
			var d []torch.Tensor
			if d, err = s.try(x, sigma, rows, look); len(rows) > 1 && torch.IsOutOfMemory(err) {
				half := (len(rows) + 1) / 2
				s.run.plan.part = min(s.run.plan.part, int64(half))
				parts = append([][]int{rows[:half], rows[half:]}, parts...)
				continue
			}
			if err != nil {
				return nil
			}
			for side := range d {
				for i, row := range rows {
					sides[side][row] = d[side].Narrow(0, int64(i), 1)
				}
			}
		}
		return []torch.Tensor{torch.Cat(sides[0], 0), torch.Cat(sides[1], 0)}
	})
	return out, err
}

// try is evaluateSome of which nothing is left where memory runs out, neither tensors nor what was measured.
func (s *selection) try(x torch.Tensor, sigma float64, rows []int, look func(rows []int) error) (d []torch.Tensor, err error) {
	seen := make([]int, len(rows))
	for i, row := range rows {
		seen[i] = len(s.seen[row])
	}
	err = torch.Try(func() (err error) {
		d, err = s.evaluateSome(x, sigma, rows, look)
		return err
	})
	if torch.IsOutOfMemory(err) {
		for i, row := range rows {
			s.seen[row] = s.seen[row][:seen[i]]
		}
		s.taps = nil
		s.run.p.empty()
	}
	return d, err
}

// evaluateSome is evaluate for some rows at once.
func (s *selection) evaluateSome(x torch.Tensor, sigma float64, rows []int, look func(rows []int) error) ([]torch.Tensor, error) {
	var err error
	out := torch.WithScope(func() (d []torch.Tensor) {
		var r *attention.Recorder
		if look != nil {
			r = &attention.Recorder{}
		}
		if d, err = s.run.denoise.rows(pick(x, rows), int64(rows[0]), sigma, r); err != nil || look == nil {
			return d
		}
		s.taps = map[int][]attention.Tap{}
		for i, row := range rows {
			for _, t := range r.Taps() {
				at := t.Q.Size(0) - int64(len(rows)) + int64(i) // the positive conditioning's rows come last
				t.Q, t.K = t.Q.Narrow(0, at, 1), t.K.Narrow(0, at, 1)
				s.taps[row] = append(s.taps[row], t)
			}
		}
		err = look(rows)
		s.taps = nil
		return d
	})
	return out, err
}

// parts are the rows that are there, in groups that are evaluated at once. On the CPU a group has rows of one candidate alone, as many as
// a run of its own would have: more are hardly faster there, and so each candidate has the very bits of that run.
func (s *selection) parts() [][]int {
	together := s.run.p.device != torch.CPU || s.run.plan.together
	var parts [][]int
	for row, alive := range s.alive {
		if !alive {
			continue
		}
		if last := len(parts) - 1; last >= 0 && int64(len(parts[last])) < s.run.plan.part {
			before := parts[last][len(parts[last])-1]
			neighbours := before == row-1 && before/s.images == row/s.images
			if neighbours || together && s.run.denoise.several == nil {
				parts[last] = append(parts[last], row)
				continue
			}
		}
		parts = append(parts, []int{row})
	}
	return parts
}

// recorded has a row's session read what was recorded of it, where something was.
type recorded struct {
	guidance.Model
	selection *selection
	row       int
}

// Taps gives the recorded attention; without any it evaluates the model.
func (r recorded) Taps(x torch.Tensor, timestep float64) ([]attention.Tap, error) {
	if taps := r.selection.taps[r.row]; len(taps) > 0 {
		return taps, nil
	}
	return r.Model.Taps(x, timestep)
}

// after tells the caller of a step, and drops candidates where a cut is. denoised is what the model made of all rows.
func (s *selection) after(i int, sigma float64, denoised torch.Tensor) error {
	r := s.run
	running := 0
	for row := 0; row < len(s.alive); row += s.images {
		if s.alive[row] {
			running++
		}
	}
	if on := r.request.OnStep; on != nil {
		leaders := s.leaders()
		reports := make([]guidance.Report, len(leaders))
		for image, row := range leaders {
			reports[image] = r.current[row]
		}
		err := torch.InScope(func() error {
			return on(StepInfo{
				Index: i, Count: max(r.plan.steps, i+1), Sigma: sigma, Denoised: r.p.unscale(pick(denoised, leaders)), Reports: reports, Candidates: running,
			})
		})
		if err != nil {
			return err
		}
	}
	return s.cut(denoised)
}

// finish keeps of the last state the rows that were chosen.
func (s *selection) finish(x torch.Tensor) (torch.Tensor, error) {
	for row, alive := range s.alive {
		if alive {
			if err := s.tell(row, x); err != nil {
				return x, err
			}
		}
	}
	leaders := s.leaders()
	for i, all := range s.run.reports {
		own := make([]guidance.Report, len(leaders))
		for image, row := range leaders {
			own[image] = all[row]
		}
		s.run.reports[i] = own
	}
	s.run.result.Choices = s.choices()
	return pick(x, leaders), nil
}
