package sampling

import (
	"fmt"
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// Prediction is what a network was trained to put out.
type Prediction string

const (
	// Epsilon is the noise ε.
	Epsilon Prediction = "epsilon"
	// V is the velocity √ᾱ·ε − √(1−ᾱ)·x0 (Salimans and Ho, arXiv:2202.00512).
	V Prediction = "v_prediction"
)

// PredictionNamed reads diffusers' prediction_type.
func PredictionNamed(name string) (Prediction, error) {
	switch p := Prediction(name); p {
	case Epsilon, V:
		return p, nil
	}
	return "", fmt.Errorf("prediction type %q, expected %s or %s", name, Epsilon, V)
}

// Input gives what the network takes in for x: X_t = x/√(1+σ²), the same shape.
func Input(x torch.Tensor, sigma float64) torch.Tensor {
	return x.DivScalar(math.Sqrt(1 + sigma*sigma))
}

// Denoised gives D from x and the network's output for Input(x, σ): x − σ·ε, or x/(1+σ²) − σ/√(1+σ²)·v.
func (p Prediction) Denoised(x, output torch.Tensor, sigma float64) torch.Tensor {
	if p == V {
		s := 1 + sigma*sigma
		return x.DivScalar(s).Sub(output.MulScalar(sigma / math.Sqrt(s)))
	}
	return x.Sub(output.MulScalar(sigma))
}
