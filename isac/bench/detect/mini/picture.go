package mini

import (
	"image"
	"image/color"

	"golang.org/x/image/draw"
)

// planes gives a picture as the networks take it: red, green, blue, row by row, in -1..1, side × side pixels. A picture of another
// size is stretched to it, a see-through one is laid on white.
func planes(picture image.Image, side int) []float32 {
	from := picture.Bounds()
	to := image.NewRGBA(image.Rect(0, 0, side, side))
	draw.Draw(to, to.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	if from.Dx() == side && from.Dy() == side {
		draw.Draw(to, to.Bounds(), picture, from.Min, draw.Over)
	} else {
		draw.CatmullRom.Scale(to, to.Bounds(), picture, from, draw.Over, nil)
	}
	out := make([]float32, 3*side*side)
	for y := range side {
		for x := range side {
			pixel := to.Pix[to.PixOffset(x, y):]
			for c := range 3 {
				out[(c*side+y)*side+x] = float32(pixel[c])/127.5 - 1
			}
		}
	}
	return out
}
