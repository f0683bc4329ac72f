package comfyapi

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/gif" // formats that clients upload and nodes write
	"image/jpeg"
	"image/png"
	"io"

	_ "golang.org/x/image/webp" // one more of them
)

// mayDecode waits until so few pictures are in memory that one more may be; decoded has to follow.
func (s *Server) mayDecode(ctx context.Context) error {
	select {
	case s.pictures <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Server) decoded() { <-s.pictures }

// decodePicture reads an image of at most so many pixels: a small file can hold a picture that fills the memory.
func decodePicture(file io.ReadSeeker, most int) (image.Image, error) {
	head, _, err := image.DecodeConfig(file)
	if err != nil {
		return nil, err
	}
	if head.Width <= 0 || head.Height <= 0 || head.Width > most/head.Height {
		return nil, fmt.Errorf("%w: %d × %d pixels, and %d are decoded", errTooLarge, head.Width, head.Height, most)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	img, _, err := image.Decode(file)
	return img, err
}

// straight gives the picture with colours that are not multiplied by alpha, beginning at 0,0.
func straight(img image.Image) *image.NRGBA {
	b := img.Bounds()
	out := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	if same, ok := img.(*image.NRGBA); ok { // colours under alpha 0 stay, which draw would lose
		for y := range b.Dy() {
			copy(out.Pix[y*out.Stride:][:4*b.Dx()], same.Pix[same.PixOffset(b.Min.X, b.Min.Y+y):])
		}
		return out
	}
	draw.Draw(out, out.Rect, img, b.Min, draw.Src)
	return out
}

func withoutAlpha(img image.Image) image.Image {
	out := straight(img)
	for i := 3; i < len(out.Pix); i += 4 {
		out.Pix[i] = 0xff
	}
	return out
}

// alphaAlone is black with the alpha of the picture.
func alphaAlone(img image.Image) image.Image {
	out := straight(img)
	for i := range out.Pix {
		if i%4 != 3 {
			out.Pix[i] = 0
		}
	}
	return out
}

// withAlphaOf gives the colours of one picture the alpha of another of the same size.
func withAlphaOf(img, mask image.Image) (image.Image, error) {
	if img.Bounds().Size() != mask.Bounds().Size() {
		return nil, fmt.Errorf("the mask is %v and the image %v", mask.Bounds().Size(), img.Bounds().Size())
	}
	out, alpha := straight(img), straight(mask)
	for i := 3; i < len(out.Pix); i += 4 {
		out.Pix[i] = alpha.Pix[i]
	}
	return out, nil
}

func encodePNG(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, img)
	return b.Bytes(), err
}

// compress gives a JPEG of an opaque picture, else a PNG.
func compress(img image.Image, quality int) (text []byte, kind string, err error) {
	opaque, ok := img.(interface{ Opaque() bool })
	if ok && opaque.Opaque() || img.ColorModel() == color.YCbCrModel {
		var b bytes.Buffer
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: quality})
		return b.Bytes(), "image/jpeg", err
	}
	text, err = encodePNG(img)
	return text, "image/png", err
}
