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
	"runtime/debug"

	_ "golang.org/x/image/webp" // one more of them
)

const (
	// bytesPerPixel is the most memory that a pixel of a picture takes while it is decoded and changed: 12 in the coefficients of a
	// progressive JPEG or 8 of a PNG with 16 bits, and 4 of what is made of it.
	bytesPerPixel = 16
	// largePicture, in pixels, is one whose memory is given back at once and not when the collector comes to it.
	largePicture = 4_000_000
)

// pictureSize reads the head of an image and gives its number of pixels. An image of more than most is an error: a file of a few
// kilobytes can hold a picture that fills the memory.
func pictureSize(file io.ReadSeeker, most int) (pixels int64, err error) {
	head, _, err := image.DecodeConfig(file)
	if err != nil {
		return 0, err
	}
	pixels = int64(head.Width) * int64(head.Height)
	if head.Width <= 0 || head.Height <= 0 || head.Width > most/head.Height {
		return 0, fmt.Errorf("%w: %d × %d = %d pixels, and at most %d are decoded", errTooLarge, head.Width, head.Height, pixels, most)
	}
	_, err = file.Seek(0, io.SeekStart)
	return pixels, err
}

// withPictures decodes images and has fn work on them. It waits until there is room for them: however many clients ask at once, all
// pictures together take no more memory than one of the largest. each is what a pixel takes, in bytes; decoded says which file an error is of.
func (s *Server) withPictures(ctx context.Context, each int64, fn func(images []image.Image) error, decoded func(i int, err error) error, files ...io.ReadSeeker) error {
	var pixels int64
	for i, file := range files {
		n, err := pictureSize(file, s.config.Limits.ImagePixels)
		if err != nil {
			return decoded(i, err)
		}
		pixels += n
	}
	give, err := s.pictures.take(ctx, pixels*each)
	if err != nil {
		return err
	}
	defer give()
	if pixels > largePicture {
		defer debug.FreeOSMemory() // before the next one takes the room
	}
	return func() error { // whose pictures are gone when it returns
		images := make([]image.Image, len(files))
		for i, file := range files {
			var err error
			if images[i], _, err = image.Decode(file); err != nil {
				return decoded(i, err)
			}
		}
		return fn(images)
	}()
}

// straight gives the picture with colours that are not multiplied by alpha, beginning at 0,0: the picture itself where it is so.
func straight(img image.Image) *image.NRGBA {
	b := img.Bounds()
	same, ok := img.(*image.NRGBA)
	if ok && b.Min == (image.Point{}) && same.Stride == 4*b.Dx() {
		return same
	}
	out := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	if ok { // colours under alpha 0 stay, which draw would lose
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

// compress gives a WebP where it is asked for and the picture is not too large, else a JPEG of an opaque picture, else a PNG.
func compress(img image.Image, format string, quality int) (text []byte, kind string, err error) {
	if format == "webp" && fitsWebP(img.Bounds()) {
		text, err = encodeWebP(img)
		return text, "image/webp", err
	}
	opaque, ok := img.(interface{ Opaque() bool })
	if ok && opaque.Opaque() || img.ColorModel() == color.YCbCrModel {
		var b bytes.Buffer
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: quality})
		return b.Bytes(), "image/jpeg", err
	}
	text, err = encodePNG(img)
	return text, "image/png", err
}
