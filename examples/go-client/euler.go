package main

import (
	"context"

	"github.com/isac-guidance/isac/plugin"
)

// euler takes x, latents of a shape [B,C,h,w] at sigmas[0], through all noise levels with the application's own model, guided by a
// session of ComfyUI's parametrisation. denoise is the model: what it believes the clean latents to be.
func euler(ctx context.Context, session *plugin.GuidanceSession, x []float32, shape []int64, sigmas []float64,
	denoise func(x []float32, sigma float64) ([]float32, error)) ([]float32, error) {
	count := len(sigmas) - 1
	for i, sigma := range sigmas[:count] {
		step := plugin.GuidanceStep{Index: i, Count: count, Level: plugin.AtSigma(sigma), Latents: plugin.NewTensor(x, shape...)}
		guided, err := session.Guide(ctx, step)
		if err != nil {
			return nil, err
		}
		if x, err = guided.Latents.Float32s(); err != nil {
			return nil, err
		}
		clean, err := denoise(x, sigma)
		if err != nil {
			return nil, err
		}
		for j := range x {
			x[j] += (x[j] - clean[j]) * float32((sigmas[i+1]-sigma)/sigma)
		}
	}
	return x, nil
}
