package comfyapi

import (
	"bytes"
	"image"

	"github.com/HugoSmits86/nativewebp"
)

const (
	// webpBytesPerPixel is the most memory that a pixel takes while a picture is decoded and written as WebP.
	webpBytesPerPixel = 80
	// webpPixels is the largest picture that becomes WebP: larger ones take seconds.
	webpPixels = 8_000_000
	// webpSide is the longest side that a lossless WebP has.
	webpSide = 16383
)

// fitsWebP tells whether a picture of this size becomes WebP. The encoder fails on one that has a single pixel.
func fitsWebP(b image.Rectangle) bool {
	return b.Dx()*b.Dy() > 1 && b.Dx() <= webpSide && b.Dy() <= webpSide && b.Dx()*b.Dy() <= webpPixels
}

// encodeWebP gives a lossless WebP (VP8L), which keeps alpha.
func encodeWebP(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	err := nativewebp.Encode(&b, straight(img), nil)
	return b.Bytes(), err
}
