package onnx

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"

	"github.com/isac-guidance/isac/isac/bench/detect"
)

// frame is where a picture lies in a detector's input, to find the way back.
type frame struct {
	scaleX, scaleY float64 // input pixels for one of the picture's
	left, top      float64 // of the picture in the input
	width, height  float64 // of the picture in its own pixels
}

// box maps a box from the input to the picture and cuts it at the picture's edges. It is empty where it lies on padding alone.
func (f frame) box(b detect.Box) detect.Box {
	return detect.Box{
		X0: (b.X0 - f.left) / f.scaleX, Y0: (b.Y0 - f.top) / f.scaleY,
		X1: (b.X1 - f.left) / f.scaleX, Y1: (b.Y1 - f.top) / f.scaleY,
	}.Intersect(detect.Box{X1: f.width, Y1: f.height})
}

// letterbox scales a picture to fit into width×height, keeping its proportions, and centres it on grey 114, as Ultralytics does:
// sizes round to even, an odd pixel of padding goes right and down, and scaling mixes the four nearest pixels, also when it makes
// smaller.
func letterbox(picture image.Image, width, height int) (*image.RGBA, frame, error) {
	size, err := sizeOf(picture)
	if err != nil {
		return nil, frame{}, err
	}
	scale := math.Min(float64(width)/float64(size.X), float64(height)/float64(size.Y))
	w := max(1, int(math.RoundToEven(float64(size.X)*scale)))
	h := max(1, int(math.RoundToEven(float64(size.Y)*scale)))
	left := int(math.RoundToEven(float64(width-w)/2 - 0.1))
	top := int(math.RoundToEven(float64(height-h)/2 - 0.1))

	out := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(out, out.Bounds(), image.NewUniform(color.RGBA{R: 114, G: 114, B: 114, A: 255}), image.Point{}, draw.Src)
	draw.ApproxBiLinear.Scale(out, image.Rect(left, top, left+w, top+h), picture, picture.Bounds(), draw.Src, nil)
	return out, frame{
		// Rounding makes the two differ a little: 38 rows of 60 are not 64 columns of 100.
		scaleX: float64(w) / float64(size.X), scaleY: float64(h) / float64(size.Y),
		left: float64(left), top: float64(top), width: float64(size.X), height: float64(size.Y),
	}, nil
}

// stretch scales a picture to width×height with a bilinear filter that averages when it makes smaller, as Pillow's BILINEAR does.
func stretch(picture image.Image, width, height int) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.BiLinear.Scale(out, out.Bounds(), picture, picture.Bounds(), draw.Src, nil)
	return out
}

// shortest gives the size at which the shorter side is short, or less where the longer one would be over long. Numbers are cut and
// rounded as in transformers' get_size_with_aspect_ratio.
func shortest(size image.Point, short, long int) image.Point {
	least, most := float64(min(size.X, size.Y)), float64(max(size.X, size.Y))
	target, raw := short, float64(short)
	if most/least*float64(short) > float64(long) {
		raw = float64(long) * least / most
		target = int(math.RoundToEven(raw))
	}
	switch {
	case min(size.X, size.Y) == target:
		return size
	case size.X < size.Y:
		return image.Pt(target, int(raw*float64(size.Y)/float64(size.X)))
	}
	return image.Pt(int(raw*float64(size.X)/float64(size.Y)), target)
}

// planes writes a picture as [3,H,W], red first, (c/255 - mean)/std. Alpha is ignored: what is transparent counts as black.
func planes(picture *image.RGBA, mean, std [3]float32) []float32 {
	w, h := picture.Bounds().Dx(), picture.Bounds().Dy()
	out := make([]float32, 3*w*h)
	for y := range h {
		row := picture.Pix[y*picture.Stride:]
		for x := range w {
			for c := range 3 {
				out[(c*h+y)*w+x] = (float32(row[4*x+c])/255 - mean[c]) / std[c]
			}
		}
	}
	return out
}

func sizeOf(picture image.Image) (image.Point, error) {
	if picture == nil {
		return image.Point{}, fmt.Errorf("a detector was given no picture")
	}
	size := picture.Bounds().Size()
	if size.X < 1 || size.Y < 1 {
		return image.Point{}, fmt.Errorf("a detector was given an empty picture, %d×%d", size.X, size.Y)
	}
	return size, nil
}
