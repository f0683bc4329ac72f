package nodes

import (
	"fmt"
	"math"

	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/torch"
)

// Ways to resize, by ComfyUI's names.
const (
	imageMethods = "nearest-exact,bilinear,area,bicubic,lanczos"
)

// mostSide is the longest side that nodes take, as in ComfyUI.
const mostSide = 16384

// resize brings x [B,C,H,W] to width×height, as ComfyUI's upscaling nodes do. Lanczos works on pictures of 8 bits, as Pillow's, and takes
// C = 3; bislerp turns the vectors of channels on the sphere between them.
func resize(x torch.Tensor, width, height int64, method string) (torch.Tensor, error) {
	if width < 1 || height < 1 || width > mostSide || height > mostSide {
		return torch.Tensor{}, fmt.Errorf("%d×%d pixels: expected 1 to %d a side", width, height, mostSide)
	}
	switch method {
	case "nearest-exact":
		return layer.NearestExact(x, height, width), nil
	case "bilinear":
		return torch.UpsampleBilinear2d(x, height, width, false), nil
	case "bicubic":
		return torch.UpsampleBicubic2d(x, height, width, false), nil
	case "area":
		return torch.AdaptiveAvgPool2d(x, height, width), nil
	case "lanczos":
		return lanczos(x, int(width), int(height)), nil
	case "bislerp":
		return bislerp(x, width, height), nil
	}
	return torch.Tensor{}, fmt.Errorf("upscale method %q, expected one of %s,bislerp", method, imageMethods)
}

// scaledSide is a side of n pixels multiplied with a factor, as Python rounds.
func scaledSide(n int64, by float64) int64 { return int64(math.RoundToEven(float64(n) * by)) }

// quotient is n/d, as Python rounds.
func quotient(n, d int64) int64 { return int64(math.RoundToEven(float64(n) / float64(d))) }
