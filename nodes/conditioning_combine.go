package nodes

import (
	"context"

	"github.com/isac-guidance/isac/isac/diffusion"
)

type combineInput struct {
	First  *Conditioning `mapstructure:"conditioning_1" tooltip:"One conditioning."`
	Second *Conditioning `mapstructure:"conditioning_2" tooltip:"One that holds beside it."`
}

// conditioningCombine has two conditionings hold beside each other.
func conditioningCombine() Node {
	return Define(Meta{
		Class: "ConditioningCombine", DisplayName: "Conditioning (Combine)", Category: "conditioning",
		Description: "Has two conditionings hold beside each other, each in its area: where both do, the model's answers are averaged. Guidance reads the first that is for the whole picture.",
		Outputs:     []Output{{Type: "CONDITIONING", Name: "CONDITIONING", Tooltip: "Both."}},
	}, func(_ context.Context, _ *Env, in *combineInput) (Result, error) {
		return Result{Values: []any{newConditioning(diffusion.Combine(in.First.Encoded, in.Second.Encoded))}}, nil
	})
}

type concatInput struct {
	To   *Conditioning `mapstructure:"conditioning_to" tooltip:"The conditioning that gets longer."`
	From *Conditioning `mapstructure:"conditioning_from" tooltip:"What is put behind it."`
}

// conditioningConcat puts a conditioning's tokens behind another's.
func conditioningConcat() Node {
	return Define(Meta{
		Class: "ConditioningConcat", DisplayName: "Conditioning (Concat)", Category: "conditioning",
		Description: "Puts the tokens of one text behind those of another, as in a longer prompt. Guidance reads the first text.",
		Outputs:     []Output{{Type: "CONDITIONING", Name: "CONDITIONING", Tooltip: "Both texts in one."}},
	}, func(_ context.Context, _ *Env, in *concatInput) (Result, error) {
		c, err := diffusion.Concat(in.To.Encoded, in.From.Encoded)
		if err != nil {
			return Result{}, err
		}
		return Result{Values: []any{newConditioning(c)}}, nil
	})
}
