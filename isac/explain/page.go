package explain

import (
	"image"

	"golang.org/x/image/draw"
)

// Measures in pixels.
const (
	margin    = 28
	gutter    = 150 // where the rows' labels stand
	between   = 8   // tiles of one run
	divide    = 28  // the two runs
	rowGap    = 10
	pageWidth = 1560
)

// page is a sheet that grows downwards: bands are laid below one another.
type page struct {
	width, height int
	bands         []band
}

type band struct {
	top  int
	draw func(dst *image.RGBA, y int)
}

// add lays a band of a height below what is there.
func (p *page) add(height int, draw func(dst *image.RGBA, y int)) {
	p.bands = append(p.bands, band{p.height, draw})
	p.height += height
}

func (p *page) space(height int) { p.height += height }

// text lays lines of text, wrapped to the page's width.
func (p *page) text(s style, text string, most int) {
	for _, line := range s.wrap(text, p.width-2*margin, most) {
		p.add(s.line(), func(dst *image.RGBA, y int) { s.draw(dst, margin, y, line) })
	}
}

func (p *page) image() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, p.width, p.height))
	draw.Draw(img, img.Rect, image.NewUniform(paper), image.Point{}, draw.Src)
	for _, b := range p.bands {
		b.draw(img, b.top)
	}
	return img
}

// row is tiles of both runs side by side.
type row struct {
	label string
	// remarks stand below the label.
	remarks []string
	tiles   [2][]tile
}

// table is rows of tiles of one size, the plain run's on the left and the guided run's on the right.
type table struct {
	columns int         // of each run
	cell    image.Point // a tile's size
}

// newTable makes tiles as large as the page allows, up to largest, for pictures of a size.
func newTable(columns, largest int, picture image.Point) table {
	side := (pageWidth - 2*margin - gutter - divide - 2*(columns-1)*between) / (2 * columns)
	side = min(side, largest)
	if picture.X <= 0 {
		return table{columns, image.Pt(side, side)}
	}
	if whole := side / picture.X * picture.X; whole*4 >= side*3 { // cells of a map are squares of one size then
		side = whole
	}
	return table{columns, image.Pt(side, max(1, side*picture.Y/picture.X))}
}

// width of a page that the table fits in.
func (t table) width() int { return 2*margin + gutter + 2*t.run() + divide }

// run is the width of one run's tiles.
func (t table) run() int { return t.columns*(t.cell.X+between) - between }

// left is where the tiles of a run begin.
func (t table) left(run int) int { return margin + gutter + run*(t.run()+divide) }

// box is where a tile lies in a row whose tiles begin at y.
func (t table) box(run, column, y int) image.Rectangle {
	at := image.Pt(t.left(run)+column*(t.cell.X+between), y)
	return image.Rectangle{at, at.Add(t.cell)}
}

// add lays a row on the page, in as many lines of tiles as it needs.
func (t table) add(p *page, r row) {
	most := max(len(r.tiles[0]), len(r.tiles[1]))
	for first := 0; first < most; first += t.columns {
		captions := 0
		for _, tiles := range r.tiles {
			for _, tile := range part(tiles, first, t.columns) {
				if tile.caption != "" {
					captions = caption.line() + 2
				}
			}
		}
		p.add(t.cell.Y+captions+rowGap, func(dst *image.RGBA, y int) {
			if first == 0 {
				t.label(dst, y, r)
			}
			for run, tiles := range r.tiles {
				for i, tile := range part(tiles, first, t.columns) {
					box := t.box(run, i, y)
					tile.draw(dst, box)
					s := caption
					if tile.strong {
						s = number
					}
					s.centred(dst, image.Rect(box.Min.X, box.Max.Y+2, box.Max.X, box.Max.Y+2+s.line()), tile.caption)
				}
			}
		})
	}
}

// label sets a row's label beside the middle of its tiles.
func (t table) label(dst *image.RGBA, y int, r row) {
	lines := label.wrap(r.label, gutter-12, 2)
	y += (t.cell.Y - len(lines)*label.line() - len(r.remarks)*faint.line()) / 2
	for _, text := range lines {
		label.draw(dst, margin, y, text)
		y += label.line()
	}
	for _, text := range r.remarks {
		faint.draw(dst, margin, y, faint.cut(text, gutter-8))
		y += faint.line()
	}
}

// part is at most n items from first on.
func part[T any](items []T, first, n int) []T {
	if first >= len(items) {
		return nil
	}
	return items[first:min(first+n, len(items))]
}
