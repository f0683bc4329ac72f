package guidance

import (
	core "github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/plugin/isacpb"
)

// reportOf is a report as the contract has it, with labels and masks where they are asked for.
func reportOf(r core.Report, masks bool) *isacpb.GuidanceReport {
	out := &isacpb.GuidanceReport{
		Sigma: r.Sigma, Timestep: r.Timestep, Skipped: r.Skipped, Wanted: r.Wanted, Loss: r.Loss, Moves: int32(r.Moves),
		GradNorm: r.GradNorm, StepNorm: r.StepNorm, LatentNorm: r.LatentNorm,
		Foreground: int32(r.Foreground), Height: int32(r.Height), Width: int32(r.Width),
	}
	for _, l := range r.Losses {
		out.Losses = append(out.Losses, &isacpb.GuidanceLoss{Name: l.Name, Value: l.Value, Weight: l.Weight})
	}
	if masks {
		for _, label := range r.Labels {
			out.Labels = append(out.Labels, int32(label))
		}
		out.Masks = masksOf(r.Masks, r.Height, r.Width)
	}
	return out
}
