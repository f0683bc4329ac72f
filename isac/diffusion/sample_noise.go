package diffusion

import (
	"slices"

	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/torch"
)

// seedOf is the seed of a row of the batch: of its candidate.
func (r *run) seedOf(row int) uint64 { return r.request.Seed + uint64(row/r.plan.images()) }

// noiseOf is which noise of the batch an image starts from.
func (r *SampleRequest) noiseOf(image int) int {
	if r.BatchIndex != nil {
		return r.BatchIndex[image]
	}
	return image
}

// unitNoise is the noise of the whole batch, [B,C,h,w]: the request's own, none, or its seed's; of candidates that of each one's seed.
func (r *run) unitNoise() torch.Tensor {
	switch {
	case r.request.NoNoise:
		return torch.Zeros(r.plan.shape, torch.Float32, torch.CPU)
	case r.request.Noise.Defined():
		return r.request.Noise.To(torch.Float32)
	}
	return r.eachCandidate(r.plan.shape, func(c int, shape []int64) torch.Tensor { return r.noiseOfSeed(r.request.Seed+uint64(c), shape) })
}

// eachCandidate puts together what is made for each candidate, of its part of a shape.
func (r *run) eachCandidate(shape []int64, make func(candidate int, shape []int64) torch.Tensor) torch.Tensor {
	if r.plan.candidates <= 1 {
		return make(0, shape)
	}
	own := append([]int64{shape[0] / int64(r.plan.candidates)}, shape[1:]...)
	var all []torch.Tensor
	for c := range r.plan.candidates {
		all = append(all, make(c, own))
	}
	return torch.Cat(all, 0)
}

// noiseOfSeed is a seed's noise of a batch.
func (r *run) noiseOfSeed(seed uint64, shape []int64) torch.Tensor {
	g := torch.NewGenerator(seed)
	defer g.Close()
	if r.request.BatchIndex == nil {
		return g.Randn(shape...)
	}
	// One after the other, as far as the last that is asked for, so that an image has the noise that it had within its batch.
	one := []int64{1, shape[1], shape[2], shape[3]}
	all := map[int]torch.Tensor{}
	for i := range slices.Max(r.request.BatchIndex) + 1 {
		if noise := g.Randn(one...); slices.Contains(r.request.BatchIndex, i) {
			all[i] = noise
		} else {
			noise.Close()
		}
	}
	picked := make([]torch.Tensor, len(r.request.BatchIndex))
	for i, index := range r.request.BatchIndex {
		picked[i] = all[index]
	}
	return torch.Cat(picked, 0)
}

// ancestral gives the noise that ancestral samplers add, of the shape of like. ComfyUI seeds it with the next number, so that it is not
// the first noise again.
func (r *run) ancestral(_ int, _ float64, like torch.Tensor) torch.Tensor {
	for c := len(r.noise); c < max(1, r.plan.candidates); c++ {
		r.noise = append(r.noise, torch.NewGenerator(r.request.Seed+uint64(c)+1))
	}
	return r.eachCandidate(like.Shape(), func(c int, shape []int64) torch.Tensor { return r.noise[c].Randn(shape...) }).To(like.DType()).ToDevice(like.Device())
}

// brownian gives the noise of the run's Brownian path, of the shape of like. Its seed is the request's, as in ComfyUI.
func (r *run) brownian(_ int, from, to float64, like torch.Tensor) torch.Tensor {
	noise := r.eachCandidate(like.Shape(), func(c int, shape []int64) torch.Tensor {
		if c == len(r.paths) {
			r.paths = append(r.paths, sampling.NewPath(r.request.Seed+uint64(c), r.plan.sigmas, shape))
		}
		return r.paths[c].Noise(from, to)
	})
	return noise.To(like.DType()).ToDevice(like.Device())
}
