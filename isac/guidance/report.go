package guidance

import "fmt"

// Report says what one guided step saw and did, the same way for every method. It can be written as JSON: no field is ever NaN or
// infinite.
type Report struct {
	Step
	// Skipped tells why the latent was left as it was; it is "" where the step was guided.
	Skipped string `json:"skipped,omitempty"`
	// Wanted tells that the step was to be guided: within the window, with some weight, and a loss that is worth it
	// (Options.SkipBelow). One that is wanted and skipped is guidance
	// that did not happen (see Shortfall).
	Wanted bool `json:"wanted"`
	// Losses are what the method measured before the step, Loss is their weighted sum.
	Losses []Loss  `json:"losses,omitempty"`
	Loss   float64 `json:"loss"`
	// Moves is the number of moves that the latent took at this step: 1 for most methods, more where one refines.
	Moves int `json:"moves"`
	// GradNorm is ‖∇L‖ of the first move, StepNorm is ‖X̃_t − X_t‖ of all together, Euclidean over the whole latent. Both are 0 of
	// a step that was skipped or only measured; GradNorm also of a random step under the relative rule, which takes no gradient.
	GradNorm float64 `json:"grad_norm"`
	StepNorm float64 `json:"step_norm"`
	// LatentNorm is ‖X_t‖ where the step was taken, 0 elsewhere: StepNorm/LatentNorm is how far the latent was moved.
	LatentNorm float64 `json:"latent_norm"`
	// Foreground is the number of foreground pixels, of Height·Width, the grid on which maps are accumulated; Height is 0 where
	// the model was not looked at.
	Foreground int `json:"foreground"`
	Height     int `json:"height"`
	Width      int `json:"width"`
	// Masks are the soft masks of the instances, Height·Width values each in row-major order, 0 on the background.
	Masks [][]float32 `json:"masks,omitempty"`
	// Labels holds the instance of each pixel, 0..N-1, or -1 on the background, in row-major order.
	Labels []int `json:"labels,omitempty"`
}

// Shortfall says for people, of the reports of a run, [step][image], how many steps that were to be guided were not, and why the first of
// them was not; "" where all were.
func Shortfall(reports [][]Report) string {
	wanted, skipped, reason := 0, 0, ""
	for _, images := range reports {
		for _, r := range images {
			if !r.Wanted {
				continue
			}
			wanted++
			if r.Skipped != "" {
				if skipped++; reason == "" {
					reason = r.Skipped
				}
			}
		}
	}
	if skipped == 0 {
		return ""
	}
	return fmt.Sprintf("guidance was left out at %d of %d steps that it was asked for: %s", skipped, wanted, reason)
}

// Idle says, of the reports of a run that was to be guided with options o, why there was nothing to guide within the steps that these choose;
// "" where there was.
func Idle(reports [][]Report, o Options) string {
	reason := ""
	for _, images := range reports {
		for _, r := range images {
			if r.Wanted || r.Moves > 0 {
				return ""
			}
			if reason == "" && o.leaves(r.Step) == "" {
				reason = r.Skipped
			}
		}
	}
	return reason
}

// Loss is one term of what a step lowers.
type Loss struct {
	// Name is the method's word for it: "instance", "class".
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	// Weight is λ at this step.
	Weight float64 `json:"weight"`
}

// Named gives the loss of a name, and whether there is one.
func (r Report) Named(name string) (Loss, bool) {
	for _, l := range r.Losses {
		if l.Name == name {
			return l, true
		}
	}
	return Loss{}, false
}

// fill takes in what was seen.
func (r *Report) fill(seen look) {
	r.Skipped, r.Losses, r.Loss, r.GradNorm = seen.Skipped, seen.losses, seen.loss, seen.gradNorm
	r.Height, r.Width, r.Foreground, r.Labels, r.Masks = seen.Height, seen.Width, seen.Foreground, seen.Labels, seen.Masks
}
