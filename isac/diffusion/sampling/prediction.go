package sampling

import "fmt"

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
