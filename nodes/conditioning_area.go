package nodes

import (
	"context"

	"github.com/isac-guidance/isac/isac/diffusion"
)

type setAreaInput struct {
	Conditioning *Conditioning `mapstructure:"conditioning" tooltip:"The conditioning."`
	Width        int           `mapstructure:"width" default:"64" min:"64" max:"16384" step:"8" tooltip:"The area's width, in pixels."`
	Height       int           `mapstructure:"height" default:"64" min:"64" max:"16384" step:"8" tooltip:"The area's height, in pixels."`
	X            int           `mapstructure:"x" default:"0" min:"0" max:"16384" step:"8" tooltip:"Where the area begins, from the left."`
	Y            int           `mapstructure:"y" default:"0" min:"0" max:"16384" step:"8" tooltip:"Where the area begins, from above."`
	Strength     float64       `mapstructure:"strength" default:"1.0" min:"0.0" max:"10.0" step:"0.01" tooltip:"How much it counts beside others."`
}

// conditioningSetArea has a conditioning hold in a rectangle.
func conditioningSetArea() Node {
	return Define(Meta{
		Class: "ConditioningSetArea", DisplayName: "Conditioning (Set Area)", Category: "conditioning",
		Description: "Has a conditioning hold in one part of the picture, which the model is shown alone.",
		Outputs:     []Output{{Type: "CONDITIONING", Name: "CONDITIONING", Tooltip: "The conditioning in its area."}},
	}, func(_ context.Context, _ *Env, in *setAreaInput) (Result, error) {
		area := diffusion.Area{Height: float64(in.Height), Width: float64(in.Width), Top: float64(in.Y), Left: float64(in.X)}
		return in.Conditioning.inArea(area, in.Strength)
	})
}

type setAreaShareInput struct {
	Conditioning *Conditioning `mapstructure:"conditioning" tooltip:"The conditioning."`
	Width        float64       `mapstructure:"width" default:"1.0" min:"0" max:"1.0" step:"0.01" tooltip:"The area's share of the picture's width."`
	Height       float64       `mapstructure:"height" default:"1.0" min:"0" max:"1.0" step:"0.01" tooltip:"The area's share of the picture's height."`
	X            float64       `mapstructure:"x" default:"0" min:"0" max:"1.0" step:"0.01" tooltip:"Where the area begins, from the left."`
	Y            float64       `mapstructure:"y" default:"0" min:"0" max:"1.0" step:"0.01" tooltip:"Where the area begins, from above."`
	Strength     float64       `mapstructure:"strength" default:"1.0" min:"0.0" max:"10.0" step:"0.01" tooltip:"How much it counts beside others."`
}

// conditioningSetAreaPercentage is conditioningSetArea in shares of the picture.
func conditioningSetAreaPercentage() Node {
	return Define(Meta{
		Class: "ConditioningSetAreaPercentage", DisplayName: "Conditioning (Set Area with Percentage)", Category: "conditioning",
		Description: "Has a conditioning hold in one part of the picture, given in shares of its sides.",
		Outputs:     []Output{{Type: "CONDITIONING", Name: "CONDITIONING", Tooltip: "The conditioning in its area."}},
	}, func(_ context.Context, _ *Env, in *setAreaShareInput) (Result, error) {
		return in.Conditioning.inArea(diffusion.Area{Height: in.Height, Width: in.Width, Top: in.Y, Left: in.X, Share: true}, in.Strength)
	})
}

func (c *Conditioning) inArea(area diffusion.Area, strength float64) (Result, error) {
	made := c.Encoded.InRegions(func(r *diffusion.Region) {
		own := area
		r.Area, r.Strength, r.ToBounds = &own, strength, false
	})
	return Result{Values: []any{newConditioning(made)}}, nil
}
