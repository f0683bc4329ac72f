package nodes

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif"  // the formats that files may have
	_ "image/jpeg" //
	_ "image/png"  //

	_ "golang.org/x/image/bmp"
	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp"

	"github.com/isac-guidance/isac/isac/diffusion"
)

// pictureFile is an image file that was read: colours, not multiplied with alpha, turned upright.
type pictureFile struct {
	*image.NRGBA
	// alpha says that the file has transparency of its own.
	alpha bool
}

// pictureBytes is what a pixel takes while a file is read: decoded, drawn, turned, and as floats.
const pictureBytes = 8 + 4 + 4 + 4*4

// readPicture reads a PNG, JPEG, WebP, GIF or BMP file, of an animation the first frame. 16 bits become 8; the orientation in its EXIF data is
// followed. most bounds the memory, see Env.maxMemory.
func readPicture(name string, data []byte, most int64) (pictureFile, error) {
	size, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return pictureFile{}, fmt.Errorf("%s: %w: expected a PNG, JPEG, WebP, GIF or BMP file", name, err)
	}
	what := fmt.Sprintf("%s: a picture of %d×%d pixels", name, size.Width, size.Height)
	if err := diffusion.CheckMemory(what, pictureBytes*float64(size.Width)*float64(size.Height), most); err != nil {
		return pictureFile{}, err
	}
	decoded, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return pictureFile{}, fmt.Errorf("%s: %s: %w", name, format, err)
	}
	canvas := image.Rect(0, 0, size.Width, size.Height)
	if canvas.Empty() {
		return pictureFile{}, fmt.Errorf("%s: %w", name, errors.New("it has no pixels"))
	}
	p := pictureFile{NRGBA: image.NewNRGBA(canvas)}
	p.alpha = p.paint(decoded) && !opaque(format, data)
	p.NRGBA = upright(p.NRGBA, orientation(format, data))
	return p, nil
}

// paint copies an image's colours and alpha, and tells whether its kind has any alpha.
func (p pictureFile) paint(from image.Image) (alpha bool) {
	switch m := from.(type) {
	case *image.NYCbCrA: // the colours of what is transparent would be lost
		draw.Draw(p.NRGBA, p.Rect, &m.YCbCr, m.Rect.Min, draw.Src)
		for y := range m.Rect.Dy() {
			for x := range m.Rect.Dx() {
				p.Pix[p.PixOffset(x, y)+3] = m.A[m.AOffset(m.Rect.Min.X+x, m.Rect.Min.Y+y)]
			}
		}
		return true
	case *image.NRGBA64: // the upper byte, not the rounded one
		return p.each(from, func(x, y int) color.NRGBA {
			i := m.PixOffset(x, y)
			return color.NRGBA{m.Pix[i], m.Pix[i+2], m.Pix[i+4], m.Pix[i+6]}
		}, true)
	case *image.RGBA64:
		return p.each(from, func(x, y int) color.NRGBA {
			i := m.PixOffset(x, y)
			return color.NRGBA{m.Pix[i], m.Pix[i+2], m.Pix[i+4], 255}
		}, false)
	case *image.Gray16:
		return p.each(from, func(x, y int) color.NRGBA {
			v := m.Pix[m.PixOffset(x, y)]
			return color.NRGBA{v, v, v, 255}
		}, false)
	case *image.Paletted:
		for _, c := range m.Palette {
			if _, _, _, a := c.RGBA(); a != 0xFFFF {
				alpha = true
			}
		}
		return p.each(from, func(x, y int) color.NRGBA {
			return color.NRGBAModel.Convert(m.Palette[m.ColorIndexAt(x, y)]).(color.NRGBA)
		}, alpha)
	case *image.NRGBA:
		return p.each(from, m.NRGBAAt, true)
	}
	draw.Draw(p.NRGBA, p.Rect, from, image.Point{}, draw.Src)
	return false
}

// each sets every pixel that from has; of a frame that is smaller than its canvas the rest stays transparent.
func (p pictureFile) each(from image.Image, at func(x, y int) color.NRGBA, alpha bool) bool {
	b := from.Bounds().Intersect(p.Rect)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			p.SetNRGBA(x, y, at(x, y))
		}
	}
	return alpha || b != p.Rect
}

// opaque tells of a file without an alpha channel that decoders give one: a PNG of which one colour is said to be transparent, which ComfyUI
// takes for one without alpha too, and a lossless WebP.
func opaque(format string, data []byte) bool {
	const (
		colourType = 25 // of PNG: 0 is grey, 2 is colour
		kind       = 12 // of WebP
		header     = 20
		alphaFlag  = 0x10
	)
	switch {
	case format == "png" && len(data) > colourType:
		return data[colourType] == 0 || data[colourType] == 2
	case format == "webp" && len(data) > header+4:
		switch string(data[kind : kind+4]) {
		case "VP8X":
			return data[header]&alphaFlag == 0
		case "VP8L":
			return data[header+4]&alphaFlag == 0
		}
	}
	return false
}
