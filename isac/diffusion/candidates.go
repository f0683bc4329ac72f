package diffusion

import (
	"context"
	"errors"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// best makes as many runs as there are candidates, and keeps of each image the run that the method judges best: latents and
// reports. OnStep is told of all runs, one after the other.
func (p *Pipeline) best(ctx context.Context, r *SampleRequest, pl plan) (torch.Tensor, [][]guidance.Report, error) {
	guide, err := r.Guidance.Method.Begin(r.Guidance.Target)
	if err != nil {
		return torch.Tensor{}, nil, err
	}
	judge, ok := guide.(guidance.Selector)
	if !ok {
		return torch.Tensor{}, nil, errors.New("guidance: this method cannot tell which of several runs is best: ask for one candidate, or use another method")
	}
	images := make([]torch.Tensor, pl.shape[0]) // kept
	defer func() { closeAll(images) }()
	scores := make([]float64, len(images))
	var reports [][]guidance.Report
	for c := range r.Guidance.Candidates {
		candidate := *r
		candidate.Seed += uint64(c)
		latent, seen, err := p.sample(ctx, &candidate, pl)
		if err != nil {
			return torch.Tensor{}, nil, err
		}
		if reports == nil {
			reports = make([][]guidance.Report, len(seen))
			for i := range reports {
				reports[i] = make([]guidance.Report, len(images))
			}
		}
		for b := range images {
			own := make([]guidance.Report, len(seen))
			for i := range seen {
				own[i] = seen[i][b]
			}
			score := judge.Score(own)
			if images[b].Defined() && !(score < scores[b]) {
				continue
			}
			scores[b] = score
			if images[b].Defined() {
				images[b].Close()
			}
			images[b] = torch.Scoped(func() torch.Tensor { return latent.Narrow(0, int64(b), 1).Clone() }).Keep()
			for i := range own {
				reports[i][b] = own[i]
			}
		}
		latent.Close()
	}
	return torch.Cat(images, 0).Keep(), reports, nil
}

func closeAll(ts []torch.Tensor) {
	for _, t := range ts {
		if t.Defined() {
			t.Close()
		}
	}
}
