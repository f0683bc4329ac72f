package mini

import (
	"errors"
	"image"
	"image/color"
	"math"
	"slices"
	"testing"

	"golang.org/x/image/draw"

	"github.com/isac-guidance/isac/isac/bench/detect"
)

func TestNamesAndClasses(t *testing.T) {
	both := openBoth(t)
	if len(both) != 2 || both[0].Name() != "heatmap" || both[1].Name() != "segments" {
		t.Fatalf("opened %v", both)
	}
	want := []string{"cat", "dog", "horse", "sheep", "cow", "elephant", "banana", "apple", "carrot", "pizza", "donut", "broccoli"}
	for _, d := range both {
		if !slices.Equal(d.Classes(), want) {
			t.Errorf("%s knows %v", d.Name(), d.Classes())
		}
		d.Classes()[0] = "changed"
		if d.Classes()[0] != "cat" {
			t.Errorf("%s: a caller can change its classes", d.Name())
		}
	}
}

func TestOnlyTheClassesThatAreAskedForAreFound(t *testing.T) {
	both, s := openBoth(t), readSheet(t)
	for _, d := range both {
		// A scene of two classes, both of which are seen.
		for i := range s.Truths {
			all, err := d.Detect(s.cut(i), d.Classes())
			if err != nil {
				t.Fatal(err)
			}
			if len(all) < 2 || all[0].Class == all[len(all)-1].Class {
				continue
			}
			some, err := d.Detect(s.cut(i), []string{all[0].Class, "zebra"})
			if err != nil {
				t.Fatal(err)
			}
			want := slices.DeleteFunc(slices.Clone(all), func(f detect.Detection) bool { return f.Class != all[0].Class })
			if !slices.Equal(some, want) {
				t.Errorf("%s: asked for %s: got %v, expected %v", d.Name(), all[0].Class, some, want)
			}
			if none, err := d.Detect(s.cut(i), nil); err != nil || len(none) != 0 {
				t.Errorf("%s: asked for nothing: got %v, %v", d.Name(), none, err)
			}
			return
		}
		t.Errorf("%s sees no scene with two classes", d.Name())
	}
}

func TestAPictureOfAnotherSizeGivesBoxesInItsOwnPixels(t *testing.T) {
	both, s := openBoth(t), readSheet(t)
	for _, d := range both {
		matched, all := 0, 0
		for i := range 16 {
			small, err := d.Detect(s.cut(i), d.Classes())
			if err != nil {
				t.Fatal(err)
			}
			// Twice as high and four times as wide, not at (0,0).
			big := image.NewRGBA(image.Rect(10, -5, 10+4*s.Side, -5+2*s.Side))
			draw.CatmullRom.Scale(big, big.Bounds(), s.cut(i), s.cut(i).Bounds(), draw.Src, nil)
			found, err := d.Detect(big, d.Classes())
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				f.Box = detect.Box{X0: f.Box.X0 / 4, Y0: f.Box.Y0 / 2, X1: f.Box.X1 / 4, Y1: f.Box.Y1 / 2}
				matched += min(1, len(slices.DeleteFunc(slices.Clone(small), func(o detect.Detection) bool {
					return o.Class != f.Class || o.Box.IoU(f.Box) < 0.8
				})))
			}
			all += max(len(small), len(found))
		}
		if all < 16 || float64(matched) < 0.9*float64(all) {
			t.Errorf("%s: %d of %d objects are found again in the enlarged pictures", d.Name(), matched, all)
		}
	}
}

func TestAnEmptyGroundHoldsNothing(t *testing.T) {
	both := openBoth(t)
	for _, c := range []color.Color{color.White, color.RGBA{200, 210, 190, 255}, color.Transparent} {
		picture := image.NewRGBA(image.Rect(0, 0, 64, 64))
		draw.Draw(picture, picture.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
		for _, d := range both {
			if found, err := d.Detect(picture, d.Classes()); err != nil || len(found) != 0 {
				t.Errorf("%s sees %v (%v) on %v", d.Name(), found, err, c)
			}
		}
	}
}

func TestClosedDetectorsAndEmptyPicturesAreErrors(t *testing.T) {
	for _, d := range openBoth(t) {
		if _, err := d.Detect(image.NewRGBA(image.Rectangle{}), d.Classes()); err == nil {
			t.Errorf("%s takes an empty picture", d.Name())
		}
		if _, err := d.Detect(nil, d.Classes()); err == nil {
			t.Errorf("%s takes no picture", d.Name())
		}
		for range 2 {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := d.Detect(image.NewRGBA(image.Rect(0, 0, 64, 64)), d.Classes()); !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: %v", d.Name(), err)
		}
	}
}

func TestPlanesLaysASeeThroughPictureOnWhite(t *testing.T) {
	picture := image.NewNRGBA(image.Rect(3, 4, 5, 6))
	picture.SetNRGBA(3, 4, color.NRGBA{255, 0, 0, 255})
	picture.SetNRGBA(4, 4, color.NRGBA{0, 0, 0, 51})
	got := planes(picture, 2)
	want := []float32{1, 0.6, 1, 1, -1, 0.6, 1, 1, -1, 0.6, 1, 1} // 1 - 2·51/255 = .6
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > 0.01 {
			t.Fatalf("planes %v, expected %v", got, want)
		}
	}
}

func BenchmarkDetect(b *testing.B) {
	both, err := Open(folder)
	if err != nil {
		b.Skip(err)
	}
	picture := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for _, d := range both {
		b.Run(d.Name(), func(b *testing.B) {
			for b.Loop() {
				if _, err := d.Detect(picture, d.Classes()); err != nil {
					b.Fatal(err)
				}
			}
		})
		_ = d.Close()
	}
}
