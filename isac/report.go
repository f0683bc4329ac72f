package isac

import "math"

// Step says which step of a sampling run a latent belongs to.
type Step struct {
	// Index is the step's number, from 0 for the noisiest.
	Index int `json:"index"`
	// Count is the number of steps of the run.
	Count int `json:"count"`
	// Timestep is what the model is told, in its own unit (0..999 for models trained on 1000 steps).
	Timestep float64 `json:"timestep"`
}

// Report says what one guided step saw and did. It can be written as JSON: no field is ever NaN or infinite.
type Report struct {
	Step
	// Skipped tells why the latent was left as it was; it is "" where the step was guided.
	Skipped string `json:"skipped,omitempty"`
	// LossInstance is L_ins (8), LossClass is L_cls (12), Loss is their weighted sum (5), before the step. They are in units of
	// Options.Overlap: numbers of different overlaps cannot be compared.
	LossInstance float64 `json:"loss_instance"`
	LossClass    float64 `json:"loss_class"`
	Loss         float64 `json:"loss"`
	// LambdaInstance and LambdaClass are the weights that the schedule gave at this step.
	LambdaInstance float64 `json:"lambda_instance"`
	LambdaClass    float64 `json:"lambda_class"`
	// GradNorm is ‖∇L‖, StepNorm is ‖X̃_t − X_t‖, both Euclidean over the whole latent. Both are 0 of a step that was skipped
	// or only measured; GradNorm also of a random step under the relative rule, which takes no gradient.
	GradNorm float64 `json:"grad_norm"`
	StepNorm float64 `json:"step_norm"`
	// LatentNorm is ‖X_t‖ where the step was taken, 0 elsewhere: StepNorm/LatentNorm is how far the latent was moved.
	LatentNorm float64 `json:"latent_norm"`
	// Foreground is F, the number of foreground pixels (9), of Height·Width, the grid on which maps are accumulated.
	Foreground int `json:"foreground"`
	Height     int `json:"height"`
	Width      int `json:"width"`
	// Masks are the soft masks M[i] (8) of the N instances, Height·Width values each in row-major order, 0 on the background.
	Masks [][]float32 `json:"masks,omitempty"`
	// Labels holds the instance of each pixel, 0..N-1, or -1 on the background, in row-major order.
	Labels []int `json:"labels,omitempty"`
}

// see fills in what an engine found. Losses that are not finite end the step.
func (r *Report) see(at reading, m measurement) {
	r.Height, r.Width = int(at.top.height), int(at.top.width)
	r.Foreground = len(m.pixels)
	r.Skipped = m.skipped
	if m.skipped != "" {
		return
	}
	r.Labels = scatter(m.labels, m.pixels, at.top)
	r.Masks = columns(m.masks)
	for i, mask := range r.Masks {
		all := make([]float32, at.top.pixels())
		for f, p := range m.pixels {
			all[p] = mask[f]
		}
		r.Masks[i] = all
	}
	if m.instance.Defined() {
		r.LossInstance = m.instance.Item()
	}
	if m.class.Defined() {
		r.LossClass = m.class.Item()
	}
	r.Loss = r.LambdaInstance*r.LossInstance + r.LambdaClass*r.LossClass
	if math.IsNaN(r.Loss) || math.IsInf(r.Loss, 0) {
		r.LossInstance, r.LossClass, r.Loss = 0, 0, 0
		r.Skipped = "the loss is not finite (NaN or Inf)"
	}
}
