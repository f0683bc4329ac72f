package render

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/score"
)

var yellow = color.NRGBA{255, 240, 0, 255}

// plainPicture is yellow all over, so that all else in a gallery is known to be drawn by it.
func plainPicture(score.Record) (image.Image, error) {
	img := image.NewNRGBA(image.Rect(0, 0, 64, 64))
	for i := range img.Pix {
		img.Pix[i] = []uint8{yellow.R, yellow.G, yellow.B, yellow.A}[i%4]
	}
	return img, nil
}

func TestGalleryShowsPicturesAndBoxes(t *testing.T) {
	records := append(both("mixed", "two cats", 1, 0, 2), both("mixed", "no cats", 1, 2, 0)...)
	path := filepath.Join(t.TempDir(), "gallery.png")
	if err := Gallery(path, records, plainPicture, "none", "isac", 3); err != nil {
		t.Fatal(err)
	}
	img := readPNG(t, path)
	if img.Bounds().Dx() != galleryWidth {
		t.Errorf("the gallery is %v", img.Bounds())
	}
	// One row: four pictures side by side, the second and the third with two boxes each.
	quarter := func(i int) image.Rectangle {
		x := []int{galleryEdge, galleryEdge + pictureSide + pictureGap, galleryWidth - galleryEdge - halfWidth,
			galleryWidth - galleryEdge - pictureSide}[i]
		return image.Rect(x, 0, x+pictureSide, img.Bounds().Dy())
	}
	// A box of 10 by 20 pixels is 40 by 80 large, its frame 2 thick: 464 pixels, and its label some more.
	for i, boxes := range []int{0, 2, 2, 0} {
		ground, _ := painted(img, quarter(i), yellow)
		lines, _ := painted(img, quarter(i), blue)
		if boxes == 0 && (ground != pictureSide*pictureSide || lines != 0) {
			t.Errorf("picture %d has %d pixels of ground and %d of boxes, want it empty", i, ground, lines)
		}
		if boxes > 0 && (lines < boxes*464 || lines > boxes*1400 || ground < pictureSide*pictureSide*8/10) {
			t.Errorf("picture %d has %d pixels of ground and %d of boxes, want %d boxes", i, ground, lines, boxes)
		}
	}
	// The first box of the second picture: x 0 to 40, y 120 to 200 within it.
	top := 0
	for at := quarter(1); color.NRGBAModel.Convert(img.At(at.Max.X-1, top)) != yellow; top++ {
		if top == at.Max.Y {
			t.Fatal("there is no picture")
		}
	}
	for _, p := range []image.Point{{0, 150}, {39, 150}, {20, 199}, {1, 190}} {
		if got := color.NRGBAModel.Convert(img.At(quarter(1).Min.X+p.X, top+p.Y)); got != blue {
			t.Errorf("the frame at %v is %v", p, got)
		}
	}
}

func TestGalleryPassesOverPicturesThatWereNotKept(t *testing.T) {
	records := append(both("mixed", "a", 1, 0, 2), both("mixed", "b", 1, 0, 1)...)
	var asked []string
	kept := func(r score.Record) (image.Image, error) {
		asked = append(asked, r.Prompt+" "+r.Method)
		if r.Prompt == "a" && r.Method == "isac" {
			return nil, fmt.Errorf("picture: %w", fs.ErrNotExist)
		}
		return plainPicture(r)
	}
	dir := t.TempDir()
	if err := Gallery(filepath.Join(dir, "g.png"), records, kept, "none", "isac", 1); err != nil {
		t.Fatal(err)
	}
	same(t, asked, "a none", "a isac", "b none", "b isac")
}

func TestGalleryErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "g.png")
	differ := both("mixed", "a", 1, 0, 2)
	broken := func(score.Record) (image.Image, error) { return nil, errors.New("no PNG") }
	gone := func(score.Record) (image.Image, error) { return nil, fs.ErrNotExist }
	if err := Gallery(path, differ, broken, "none", "isac", 1); err == nil || !strings.Contains(err.Error(), `"a", seed 1, none: no PNG`) {
		t.Errorf("a broken picture: %v", err)
	}
	if err := Gallery(path, differ, gone, "none", "isac", 1); !errors.Is(err, ErrNothingToShow) {
		t.Errorf("no picture was kept: %v", err)
	}
	if err := Gallery(path, both("mixed", "a", 1, 1, 1), plainPicture, "none", "isac", 1); !errors.Is(err, ErrNothingToShow) {
		t.Errorf("no difference: %v", err)
	}
	if err := Gallery(path, differ, plainPicture, "none", "isac", 0); err == nil {
		t.Error("no rows: no error")
	}
}

func TestVerdict(t *testing.T) {
	r := score.Record{Task: "multi-class", Wanted: []score.Wanted{{Class: "cat", Count: 1}, {Class: "dog", Count: 1}, {Class: "cow", Count: 1}}}
	if got := verdict(r, score.Scores{Ratio: 2.0 / 3, Over: true, Fused: true}); got != "2 of 3 found, extra, fused" {
		t.Error(got)
	}
	r = score.Record{Task: "mixed", Wanted: []score.Wanted{{Class: "cat", Count: 2}, {Class: "dog", Count: 3}}}
	if got := verdict(r, score.Scores{Ratio: 1, Exact: true}); got != "5 of 5 found, exact" {
		t.Error(got)
	}
}

func TestLabelsStayInThePictureAndApart(t *testing.T) {
	area := image.Rect(100, 100, 356, 356)
	size := image.Pt(60, 18)
	var taken []image.Rectangle
	for range 4 { // four boxes in one place, in the upper right corner
		at := labelPlace(image.Rect(280, 102, 356, 200), size, area, taken)
		if !at.In(area) || at.Size() != size {
			t.Errorf("the label %v is not within %v", at, area)
		}
		for _, o := range taken {
			if o.Overlaps(at) {
				t.Errorf("%v lies on %v", at, o)
			}
		}
		taken = append(taken, at)
	}
}

func TestPicturesKeepTheirShape(t *testing.T) {
	at, scale := fit(image.Rect(0, 0, 1024, 512), image.Rect(10, 10, 266, 266))
	if at != image.Rect(10, 74, 266, 202) || scale != 0.25 {
		t.Errorf("got %v at %v", at, scale)
	}
}

func TestClassColors(t *testing.T) {
	colors := classColors([]score.Wanted{{Class: "cat"}, {Class: "dog"}})
	if colors["cat"] == colors["dog"] || classColor(colors, "cow") != black {
		t.Errorf("got %v", colors)
	}
	if contrastTo(blue) != white || contrastTo(orange) != black {
		t.Error("labels cannot be read")
	}
}

// TestColumnsEnd holds that a column of a gallery says whether all its pairs are shown.
func TestColumnsEnd(t *testing.T) {
	for want, got := range map[string]string{
		"no more pairs lost": none("lost", 3, 3), "no pictures of the other 22 pairs lost were kept": none("lost", 25, 3),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
