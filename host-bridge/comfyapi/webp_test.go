package comfyapi

import (
	"bytes"
	"image"
	"image/color"
	"testing"

	"golang.org/x/image/webp"
)

// TestWebP decodes with another library what was encoded: the same pixels, also where they are transparent, for sizes of all kinds.
func TestWebP(t *testing.T) {
	for _, size := range []image.Point{{1, 2}, {1, 7}, {3, 2}, {64, 64}, {129, 65}, {500, 3}} {
		for _, opaque := range []bool{true, false} {
			img := image.NewNRGBA(image.Rectangle{Max: size})
			for y := range size.Y {
				for x := range size.X {
					c := color.NRGBA{uint8(x * 7), uint8(y * 5), uint8(x ^ y), 255}
					if !opaque {
						c.A = uint8(x + y*3)
					}
					img.SetNRGBA(x, y, c)
				}
			}
			text, kind, err := compress(img, "webp", 90)
			if err != nil || kind != "image/webp" {
				t.Fatalf("%v: %s, %v", size, kind, err)
			}
			back, err := webp.Decode(bytes.NewReader(text))
			if err != nil || back.Bounds() != img.Bounds() {
				t.Fatalf("%v: %v", size, err)
			}
			for y := range size.Y {
				for x := range size.X {
					if got := color.NRGBAModel.Convert(back.At(x, y)); got != color.Color(img.NRGBAAt(x, y)) {
						t.Fatalf("%v at %d,%d: %v, expected %v", size, x, y, got, img.NRGBAAt(x, y))
					}
				}
			}
		}
	}
	for _, b := range []image.Rectangle{image.Rect(0, 0, webpSide+1, 1), image.Rect(0, 0, 1, webpSide+1), image.Rect(0, 0, 4000, 2001), image.Rect(0, 0, 1, 1)} {
		if fitsWebP(b) {
			t.Errorf("%v becomes WebP", b)
		}
	}
}
