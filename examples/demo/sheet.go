package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"golang.org/x/image/draw"
)

// sheet is the picture that is made: a heading, and rows of pictures.
type sheet struct {
	heading, prompt, settings string
	rows                      []row
}

type row struct {
	label, remark string
	pictures      []saved
}

// Measures in pixels.
const (
	margin    = 48
	gutter    = 148 // where the rows' labels stand
	gap       = 12  // between pictures
	headWidth = 640 // what the heading needs at least
)

var (
	paper = color.NRGBA{0xFF, 0xFF, 0xFF, 0xFF}
	ink   = color.NRGBA{0x1B, 0x1F, 0x24, 0xFF}
	quiet = color.NRGBA{0x6A, 0x73, 0x7D, 0xFF}
	frame = color.NRGBA{0xD0, 0xD7, 0xDE, 0xFF}
)

// title reads what the sheet says of the run from the workflow that a picture carries.
func (s *sheet) title(p saved) {
	s.heading = "Without and with ISAC"
	if prompt := p.graph.positive(); prompt != "" {
		s.prompt = "“" + prompt + "”"
	}
	s.settings = settings(p.graph)
}

func settings(g graph) string {
	text := func(class, name string) string { return strings.Trim(string(g.input(class, name)), `"`) }
	var parts []string
	add := func(format string, values ...any) {
		for _, v := range values {
			if v == "" {
				return
			}
		}
		parts = append(parts, fmt.Sprintf(format, values...))
	}
	add("model %s", text("CheckpointLoaderSimple", "ckpt_name"))
	add("%s, %s steps", text("KSampler", "sampler_name"), text("KSampler", "steps"))
	add("CFG %s", text("KSampler", "cfg"))
	add("seed %s", text("KSampler", "seed"))
	add("preset %s", text("ISACGuidance", "preset"))
	return strings.Join(parts, "  ·  ")
}

// write draws the sheet and writes it whole: a reader never sees half a file.
func (s *sheet) write(path string, zoom int) error {
	img, err := s.draw(zoom)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return renameio.WriteFile(path, b.Bytes(), 0o644, renameio.WithTempDir(filepath.Dir(path)))
}

func (s *sheet) draw(zoom int) (*image.RGBA, error) {
	type size struct{ w, h int }
	columns, sizes := 0, make([]size, len(s.rows))
	for i, r := range s.rows {
		columns = max(columns, len(r.pictures))
		b := r.pictures[0].Bounds()
		sizes[i] = size{b.Dx() * zoom, b.Dy() * zoom}
	}
	type line struct {
		text string
		style
	}
	head := []line{{s.heading, style{bold: true, size: 34, ink: ink}}, {s.prompt, style{size: 25, ink: ink}}, {s.settings, style{size: 17, ink: quiet}}}

	width, height := headWidth, margin
	for _, l := range head {
		width = max(width, l.width(l.text))
		height += l.lineHeight()
	}
	height += margin / 2
	for i := range s.rows {
		width = max(width, gutter+columns*(sizes[i].w+gap)-gap)
		height += sizes[i].h + gap
	}
	width, height = width+2*margin, height-gap+margin

	img := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(img, img.Rect, image.NewUniform(paper), image.Point{}, draw.Src)
	y := margin
	for _, l := range head {
		l.draw(img, margin, y, l.text)
		y += l.lineHeight()
	}
	y += margin / 2
	for i, r := range s.rows {
		name, remark := style{bold: true, size: 22, ink: ink}, style{size: 16, ink: quiet}
		top := y + (sizes[i].h-name.lineHeight()-remark.lineHeight())/2
		name.draw(img, margin, top, r.label)
		remark.draw(img, margin, top+name.lineHeight(), r.remark)
		for j, p := range r.pictures {
			x := margin + gutter + j*(sizes[i].w+gap)
			box := image.Rect(x, y, x+sizes[i].w, y+sizes[i].h)
			draw.Draw(img, box.Inset(-1), image.NewUniform(frame), image.Point{}, draw.Src)
			draw.NearestNeighbor.Scale(img, box, p.Image, p.Bounds(), draw.Src, nil)
		}
		y += sizes[i].h + gap
	}
	return img, nil
}
