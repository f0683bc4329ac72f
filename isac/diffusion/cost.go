package diffusion

// Cost is what a run asked of the model.
type Cost struct {
	// Evaluations counts one image under one conditioning: with classifier-free guidance an image's step has two, also where they are
	// made in one batch.
	Evaluations int `json:"evaluations"`
	// Gradients is how many of them were made for a gradient, which takes a backward pass beside: about one evaluation more, two
	// with gradient checkpoints.
	Gradients int `json:"gradients"`
}

// add counts n more; nil counts nothing.
func (c *Cost) add(n int64) {
	if c != nil {
		c.Evaluations += int(n)
	}
}
