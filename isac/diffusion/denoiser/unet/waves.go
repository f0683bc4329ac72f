package unet

import "math"

// waves are the sines and cosines of falling frequency by which a number is told to the network: the timestep, or one of SDXL's sizes.
type waves struct {
	frequencies []float32 // one for each sine and its cosine
	cosineFirst bool
}

// waves gives what turns a number into width values.
func (c Config) waves(width int64) waves {
	half := width / 2
	w := waves{frequencies: make([]float32, half), cosineFirst: c.CosineFirst}
	for i := range w.frequencies {
		// In float32 at every step, as diffusers: at t = 999 a frequency's last bit is 6e-5 of the sine's argument.
		exponent := float32(-math.Log(10000)) * float32(i) / (float32(half) - float32(c.FreqShift))
		w.frequencies[i] = float32(math.Exp(float64(exponent)))
	}
	return w
}

// at gives the values for t: all sines, then all cosines, or the other way round.
func (w waves) at(t float64) []float32 {
	half := len(w.frequencies)
	values := make([]float32, 2*half)
	for i, f := range w.frequencies {
		sin, cos := math.Sincos(float64(float32(t) * f))
		if w.cosineFirst {
			sin, cos = cos, sin
		}
		values[i], values[half+i] = float32(sin), float32(cos)
	}
	return values
}
