package nodes

import (
	"testing"

	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// FuzzPicture feeds any bytes as a picture: they are read or refused.
func FuzzPicture(f *testing.F) {
	torchtest.Require(f)
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x10Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01"))
	f.Add([]byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10"))
	f.Add([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, format := range []string{"png", "jpeg", "webp", "gif"} {
			if o := orientation(format, data); o < 1 || o > 8 {
				t.Fatalf("%s: orientation %d", format, o)
			}
			opaque(format, data)
		}
		if p, err := readPicture("x", data, 64<<20); err == nil && p.Rect.Empty() {
			t.Fatal("a picture without pixels")
		}
	})
}
