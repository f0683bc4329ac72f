package render

import (
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"io/fs"
	"math"
	"strings"

	xdraw "golang.org/x/image/draw"

	"github.com/isac-guidance/isac/isac/bench/detect"
	"github.com/isac-guidance/isac/isac/bench/score"
)

// ErrNothingToShow is what Gallery gives where no pair differs, or none that differs has its pictures.
var ErrNothingToShow = errors.New("no pair of pictures differs between the two methods")

const (
	galleryWidth = 1200
	galleryEdge  = 20
	pictureSide  = 256 // 64 pixels enlarged four times
	pictureGap   = 12
	halfWidth    = 2*pictureSide + pictureGap
)

// Gallery writes a PNG of the pairs in which two methods differ most, up to rows of those that gained with method on the left and
// as many of those that lost on the right, so that it flatters neither; how many there are of each stands above. A pair shows
// its prompt, both pictures with the objects that the detectors agree on, and how each was judged. picture gives the picture of a
// record, or an error that is fs.ErrNotExist where it was not kept: such pairs are passed over.
func Gallery(path string, records []score.Record, picture func(score.Record) (image.Image, error), base, method string, rows int) error {
	if rows < 1 {
		return fmt.Errorf("render: a gallery of %d rows was asked for, at least 1 is needed", rows)
	}
	all := compare(records, base, method)
	left, err := tiles(all.gained, picture, rows)
	if err != nil {
		return err
	}
	right, err := tiles(all.lost, picture, rows)
	if err != nil {
		return err
	}
	if len(left)+len(right) == 0 {
		return fmt.Errorf("render: gallery of %q against %q: %w", method, base, ErrNothingToShow)
	}
	page := drawGallery(all, left, right, base, method)
	return writeFile(path, pngWriter{page})
}

// tile is a pair with its pictures.
type tile struct {
	pair
	pictures [2]image.Image
}

// tiles takes the first n pairs that have both pictures.
func tiles(pairs []pair, picture func(score.Record) (image.Image, error), n int) ([]tile, error) {
	var all []tile
	for _, p := range pairs {
		if len(all) == n {
			break
		}
		t := tile{pair: p}
		missing := false
		for i, r := range []score.Record{p.base, p.other} {
			img, err := picture(r)
			if errors.Is(err, fs.ErrNotExist) {
				missing = true
				break
			}
			if err != nil {
				return nil, fmt.Errorf("render: picture of %q, seed %d, %s: %w", r.Prompt, r.Seed, r.Method, err)
			}
			t.pictures[i] = img
		}
		if !missing {
			all = append(all, t)
		}
	}
	return all, nil
}

func drawGallery(all contrast, left, right []tile, base, method string) *image.RGBA {
	f := goFaces()
	rows := max(len(left), len(right))
	titles := wrapText(fmt.Sprintf("The same noise with %s and with %s: %d pairs, %d gained, %d lost, %d equal", base, method,
		all.total, len(all.gained), len(all.lost), all.total-len(all.gained)-len(all.lost)),
		galleryWidth-2*galleryEdge, func(s string) int { return textWidth(f.title, s) })
	columns := [2]struct {
		x     int
		head  string
		tiles []tile
		none  string
	}{
		{galleryEdge, "Gained, the largest differences of each task", left, none("gained", len(all.gained), len(left))},
		{galleryWidth - galleryEdge - halfWidth, "Lost, the largest differences of each task", right, none("lost", len(all.lost), len(right))},
	}
	top := galleryEdge + len(titles)*(lineHeight(f.title)+2) + 8 + lineHeight(f.bold) + 14
	tileHeight := headHeight(f) + pictureSide + 6 + 2*lineHeight(f.text) + 22
	page := newPage(galleryWidth, top+rows*tileHeight)
	for i, line := range titles {
		page.text(f.title, galleryEdge, galleryEdge+i*(lineHeight(f.title)+2), line, ink)
	}
	for _, c := range columns {
		y := top - 10
		page.text(f.bold, c.x, y-lineHeight(f.bold)-6, c.head, ink)
		page.fill(image.Rect(c.x, y-2, c.x+halfWidth, y), rule)
		for row := range rows {
			at := image.Pt(c.x, top+row*tileHeight)
			if row < len(c.tiles) {
				page.tile(f, at, c.tiles[row])
				continue
			}
			if row == len(c.tiles) {
				page.text(f.text, at.X, at.Y+headHeight(f), c.none, faint)
			}
		}
	}
	return page.on
}

// none says why a column ends: all of its pairs are shown, or no pictures of the others were kept.
func none(what string, pairs, shown int) string {
	if pairs > shown {
		return fmt.Sprintf("no pictures of the other %d pairs %s were kept", pairs-shown, what)
	}
	return "no more pairs " + what
}

// headHeight is the room for two lines of prompt and one of task, level and seed.
func headHeight(f faces) int { return 2*lineHeight(f.bold) + lineHeight(f.text) + 6 }

// tile draws one pair at its upper left corner.
func (p pen) tile(f faces, at image.Point, t tile) {
	prompt := wrapText("“"+t.base.Prompt+"”", halfWidth, func(s string) int { return textWidth(f.bold, s) })
	if len(prompt) > 2 {
		prompt = []string{prompt[0], strings.TrimSuffix(prompt[1], ".") + " …"}
	}
	top := at.Y + headHeight(f)
	y := top - 6 - lineHeight(f.text) - len(prompt)*lineHeight(f.bold) // close to the pictures, one line or two
	for _, line := range prompt {
		p.text(f.bold, at.X, y, line, ink)
		y += lineHeight(f.bold)
	}
	p.text(f.text, at.X, y, fmt.Sprintf("%s #%d, seed %d", t.base.Task, t.base.Level, t.base.Seed), faint)
	colors := classColors(t.base.Wanted)
	for i, r := range []score.Record{t.base, t.other} {
		x := at.X + i*(pictureSide+pictureGap)
		area := image.Rect(x, top, x+pictureSide, top+pictureSide)
		shown, scale := fit(t.pictures[i].Bounds(), area)
		xdraw.CatmullRom.Scale(p.on, shown, t.pictures[i], t.pictures[i].Bounds(), xdraw.Src, nil)
		p.boxes(f.label, shown, scale, detect.Agree(r.Found, score.AgreeIoU), colors)
		judged := [2]score.Scores{t.before, t.after}[i]
		under := top + pictureSide + 6
		p.text(f.text, x, under, shorten(r.Method, 28), faint)
		p.text(f.text, x, under+lineHeight(f.text), verdict(r, judged), ink)
	}
}

// fit centres a picture of the given bounds in area, enlarged or shrunk to fill it one way, and gives the factor.
func fit(bounds, area image.Rectangle) (image.Rectangle, float64) {
	scale := math.Min(float64(area.Dx())/float64(bounds.Dx()), float64(area.Dy())/float64(bounds.Dy()))
	w, h := int(math.Round(float64(bounds.Dx())*scale)), int(math.Round(float64(bounds.Dy())*scale))
	x, y := area.Min.X+(area.Dx()-w)/2, area.Min.Y+(area.Dy()-h)/2
	return image.Rect(x, y, x+w, y+h), scale
}

// verdict says in words how a picture was judged: "2 of 3 found, extra, fused".
func verdict(r score.Record, s score.Scores) string {
	wanted := 0
	for _, w := range r.Wanted {
		if r.Task == score.TaskMultiClass {
			wanted++
		} else {
			wanted += w.Count
		}
	}
	said := fmt.Sprintf("%.0f of %d found", s.Ratio*float64(wanted), wanted)
	if s.Exact {
		said += ", exact"
	}
	if s.Over {
		said += ", extra"
	}
	if s.Fused {
		said += ", fused"
	}
	return said
}

// pngWriter is a picture that can be written to a file.
type pngWriter struct{ image.Image }

func (p pngWriter) WriteTo(w io.Writer) (int64, error) { return 0, png.Encode(w, p.Image) }
