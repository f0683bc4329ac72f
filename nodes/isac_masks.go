package nodes

import (
	"context"
	"errors"
	"fmt"
	"image"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/guidance"
)

type masksInput struct {
	Samples *Latent `mapstructure:"samples" tooltip:"Latents that were sampled with ISAC guidance."`
	Step    string  `mapstructure:"step" combo:"last,first,all" default:"last" tooltip:"Which guided step to draw: the last, the first, or every one, as a batch."`
	Upscale string  `mapstructure:"upscale" combo:"nearest,bilinear" default:"nearest" tooltip:"How the attention grid becomes an image: blocks, or smooth."`
	Image   *Image  `mapstructure:"image" optional:"true" tooltip:"Paints over these images instead of plain grey, one for each latent. Their size is the result's."`
	// Words and places are those of the ComfyUI pack.
	Instance string `mapstructure:"instance" optional:"true" default:"" placeholder:"cat 2" tooltip:"Which instances the mask holds. Empty: every instance, as a batch. cat: the cats in one mask. cat 2: the second cat."`
}

// isacMasks draws the instance masks that guidance saw.
func isacMasks() Node {
	return Define(Meta{
		Class: "ISACMasks", DisplayName: "ISAC Masks", Category: "isac",
		Description: "Draws the instance masks that ISAC found in the model's attention while it guided: one colour an instance, fainter where the mask is weaker.",
		Outputs: []Output{
			{Type: "IMAGE", Name: "IMAGE", Tooltip: "The masks, image by image, and step by step within an image."},
			{Type: "MASK", Name: "MASK", Tooltip: "1 where an instance is."},
			{Type: "STRING", Name: "instances", Tooltip: "What the instances are, in the order of the masks: cat 1, cat 2, dog 1."},
		},
	}, func(ctx context.Context, env *Env, in *masksInput) (Result, error) {
		if len(in.Samples.Reports) == 0 {
			return Result{}, errors.New("samples have no instance masks: expected latents from a KSampler whose model comes from ISACGuidance")
		}
		if err := in.checkMemory(env); err != nil {
			return Result{}, err
		}
		var below []*image.NRGBA
		if in.Image != nil {
			var err error
			if below, err = in.Image.pictures(); err != nil {
				return Result{}, err
			}
			if len(below) != len(in.Samples.Reports) {
				return Result{}, fmt.Errorf("image has %d images, samples have %d: expected as many", len(below), len(in.Samples.Reports))
			}
		}
		names := instanceNames(in.Samples.Target)
		var groups [][]int
		if len(names) > 0 {
			var err error
			if groups, err = chosenInstances(names, in.Instance); err != nil {
				return Result{}, err
			}
		}
		var painted []*image.NRGBA
		var planes [][]float32
		size := image.Point{}
		for i, reports := range in.Samples.Reports {
			p := painter{width: in.Samples.Width, height: in.Samples.Height, smooth: in.Upscale == "bilinear"}
			if below != nil {
				p.below, p.width, p.height = below[i], below[i].Rect.Dx(), below[i].Rect.Dy()
			}
			for _, r := range pickSteps(reports, in.Step) {
				if err := ctx.Err(); err != nil {
					return Result{}, err
				}
				painted, planes = append(painted, p.paint(r)), append(planes, p.planes(r, groups)...)
			}
			size = image.Pt(p.width, p.height)
		}
		result := Result{Values: []any{imageFrom(painted), maskFrom(planes, size.X, size.Y), strings.Join(names, ", ")}}
		if reason := unseen(in.Samples.Reports); reason != "" {
			result.UI = map[string]any{"text": []string{"there are no instance masks: guidance looked at no step, because " + reason}}
		}
		return result, nil
	})
}

// unseen tells why no step of any image was looked at, by what was said of the first; "" where one was.
func unseen(images [][]guidance.Report) string {
	reason := ""
	for _, reports := range images {
		for _, r := range reports {
			if r.Height > 0 {
				return ""
			}
			if reason == "" {
				reason = r.Skipped
			}
		}
	}
	return reason
}

// maskBytes is what a pixel of a mask takes: four bytes of a picture, and three floats twice.
const maskBytes = 4 + 2*3*4

// checkMemory says whether there is room for all pictures: steps times images can be many.
func (in *masksInput) checkMemory(env *Env) error {
	width, height, count := in.Samples.Width, in.Samples.Height, 0
	if in.Image != nil {
		if s := in.Image.Pixels.Shape(); len(s) == 4 {
			height, width = int(s[1]), int(s[2])
		}
	}
	for _, reports := range in.Samples.Reports {
		count += len(pickSteps(reports, in.Step))
	}
	what := fmt.Sprintf("%d pictures of masks of %d×%d pixels", count, width, height)
	each := maskBytes + 2*4*float64(max(in.Samples.Target.Instances(), 1)) // planes are there twice
	return diffusion.CheckMemory(what, each*float64(count)*float64(width)*float64(height), env.maxMemory())
}

// pickSteps chooses among the steps that have masks; where no step of an image has any, one empty report stands for it, so
// that the batch keeps one picture for each image.
func pickSteps(reports []guidance.Report, which string) []guidance.Report {
	var drawn []guidance.Report
	for _, r := range reports {
		if len(r.Masks) > 0 {
			drawn = append(drawn, r)
		}
	}
	switch {
	case len(drawn) == 0:
		return []guidance.Report{{}}
	case which == "first":
		return drawn[:1]
	case which == "last":
		return drawn[len(drawn)-1:]
	}
	return drawn
}
