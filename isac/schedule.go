package isac

import "github.com/isac-guidance/isac/isac/guidance"

// Schedule names one of the ways in which the paper weighs the two losses over a run (Table 2).
type Schedule string

const (
	// ScheduleA has instances only: λ_ins = 1, λ_cls = 0.
	ScheduleA Schedule = "A"
	// ScheduleB has classes only: λ_ins = 0, λ_cls = 1.
	ScheduleB Schedule = "B"
	// ScheduleC has a fixed balance: λ_ins = λ_cls = 1/2.
	ScheduleC Schedule = "C"
	// ScheduleD has classes first: λ_ins = 1 − t/T, λ_cls = t/T.
	ScheduleD Schedule = "D"
	// ScheduleE has instances first, the paper's own: λ_ins = t/T, λ_cls = 1 − t/T.
	ScheduleE Schedule = "E"
)

// Schedules lists every schedule, in the paper's order.
func Schedules() []Schedule {
	return []Schedule{ScheduleA, ScheduleB, ScheduleC, ScheduleD, ScheduleE}
}

// Weights gives λ_ins and λ_cls of (5) at step index of count, where t = count − index runs from T = count at the first step
// down to 1 at the last. So under E the first step has (1, 0) and the last has (1/T, 1 − 1/T). It is the step's place in the
// run that counts, not the model's own timestep. The paper prints t/T and 1 − t/T exchanged in Table 3's caption and in
// appendix B.1; its Table 2 and its text have instances first.
func (s Schedule) Weights(index, count int) (instance, class float64) {
	u := float64(count-index) / float64(count)
	switch s {
	case ScheduleA:
		return 1, 0
	case ScheduleB:
		return 0, 1
	case ScheduleC:
		return 0.5, 0.5
	case ScheduleD:
		return 1 - u, u
	default:
		return u, 1 - u
	}
}

// weights gives λ_ins and λ_cls at a step.
func (o Options) weights(s guidance.Step) (instance, class float64) {
	if o.ScheduleInWindow {
		if first, end := o.Window(s.Count); first <= s.Index && s.Index < end {
			return o.Schedule.Weights(s.Index-first, end-first)
		}
	}
	return o.Schedule.Weights(s.Index, s.Count)
}
