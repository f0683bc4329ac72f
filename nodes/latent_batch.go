package nodes

import (
	"context"
	"slices"

	"github.com/isac-guidance/isac/isac/torch"
)

type latentFromBatchInput struct {
	Samples *Latent `mapstructure:"samples" tooltip:"The batch."`
	Index   int     `mapstructure:"batch_index" default:"0" min:"0" max:"63" tooltip:"The first that is taken, from 0."`
	Length  int     `mapstructure:"length" default:"1" min:"1" max:"64" tooltip:"How many are taken."`
}

// latentFromBatch takes latents out of a batch. Each keeps the noise that it had there.
func latentFromBatch() Node {
	return Define(Meta{
		Class: "LatentFromBatch", DisplayName: "Latent From Batch", Category: "latent/batch",
		Description: "Takes some latents of a batch. Sampled again, each has the noise that it had in the batch.",
		Outputs:     []Output{{Type: "LATENT", Name: "LATENT", Tooltip: "The latents that were taken."}},
	}, func(_ context.Context, _ *Env, in *latentFromBatchInput) (Result, error) {
		l := in.Samples
		first := min(l.Batch-1, in.Index)
		n := min(l.Batch-first, in.Length)
		made := l.picked(first, n)
		made.BatchIndex = slices.Clone(l.indices()[first : first+n])
		return Result{Values: []any{made}}, nil
	})
}

type repeatLatentBatchInput struct {
	Samples *Latent `mapstructure:"samples" tooltip:"The batch."`
	Amount  int     `mapstructure:"amount" default:"1" min:"1" max:"64" tooltip:"How many times it is there in the end."`
}

// repeatLatentBatch repeats a batch.
func repeatLatentBatch() Node {
	return Define(Meta{
		Class: "RepeatLatentBatch", DisplayName: "Repeat Latent Batch", Category: "latent/batch",
		Description: "Repeats a batch of latents. Sampled again, each has a noise of its own.",
		Outputs:     []Output{{Type: "LATENT", Name: "LATENT", Tooltip: "The batch, several times."}},
	}, func(_ context.Context, _ *Env, in *repeatLatentBatchInput) (Result, error) {
		return Result{Values: []any{in.Samples.repeated(in.Amount)}}, nil
	})
}

// indices are those of each image's noise.
func (l *Latent) indices() []int {
	if l.BatchIndex != nil {
		return l.BatchIndex
	}
	all := make([]int, l.Batch)
	for i := range all {
		all[i] = i
	}
	return all
}

// picked gives n latents from the first on.
func (l *Latent) picked(first, n int) *Latent {
	made := l.like(torch.Tensor{})
	if l.Samples.Defined() {
		made.Close()
		made = l.like(l.Samples.Narrow(0, int64(first), int64(n)).Clone())
	}
	made.Batch = n
	if l.Reports != nil {
		made.Reports = l.Reports[first : first+n]
	}
	if m := made.Mask; m.Defined() && m.Size(0) > 1 {
		all := m.Repeat(int64((l.Batch+int(m.Size(0))-1)/int(m.Size(0))), 1, 1)
		made.Mask = all.Narrow(0, int64(first), int64(n)).Clone().Keep()
		m.Close()
	}
	return made
}

// repeated gives the batch so many times.
func (l *Latent) repeated(times int) *Latent {
	made := l.like(torch.Tensor{})
	if l.Samples.Defined() {
		made.Close()
		made = l.like(l.Samples.Repeat(int64(times), 1, 1, 1))
	}
	made.Batch = l.Batch * times
	if l.Reports != nil {
		made.Reports = slices.Repeat(l.Reports, times)
	}
	if m := made.Mask; m.Defined() && m.Size(0) > 1 {
		all := m.Repeat(int64((l.Batch+int(m.Size(0))-1)/int(m.Size(0))), 1, 1).Narrow(0, 0, int64(l.Batch))
		made.Mask = all.Repeat(int64(times), 1, 1).Keep()
		m.Close()
	}
	if l.BatchIndex != nil {
		offset := slices.Max(l.BatchIndex) - slices.Min(l.BatchIndex) + 1
		made.BatchIndex = nil
		for i := range times {
			for _, at := range l.BatchIndex {
				made.BatchIndex = append(made.BatchIndex, at+i*offset)
			}
		}
	}
	return made
}
