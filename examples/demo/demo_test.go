package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const workflow = `{"1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "mini"}},
 "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "two cats", "clip": ["1", 1]}},
 "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "bad", "clip": ["1", 1]}},
 "4": {"class_type": "EmptyLatentImage", "inputs": {"batch_size": 2}},
 "5": {"class_type": "KSampler", "inputs": {"seed": 18446744073709551615, "steps": 20, "cfg": 4.0, "sampler_name": "ddim", "positive": ["2", 0], "negative": ["3", 0]}}}`

// save writes a picture of one colour as a SaveImage node would.
func save(t *testing.T, dir, name string, c color.Color, side int, workflow string) {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	for i := range side * side {
		img.Set(i%side, i/side, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	const header = 33
	body := []byte("tEXtprompt\x00" + workflow)
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(body)-4))
	chunk = binary.BigEndian.AppendUint32(append(chunk, body...), crc32.ChecksumIEEE(body))
	if workflow == "" {
		chunk = nil
	}
	data := slices.Concat(b.Bytes()[:header], chunk, b.Bytes()[header:])
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

var red, green, blue, old = color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 255, 0, 255}, color.NRGBA{0, 0, 255, 255}, color.NRGBA{9, 9, 9, 255}

func TestSheet(t *testing.T) {
	dir := t.TempDir()
	for i := 1; i <= 2; i++ { // of an earlier run: not to be shown
		save(t, dir, fmt.Sprintf("plain_%05d_.png", i), old, 8, workflow)
	}
	for i := 3; i <= 4; i++ {
		save(t, dir, fmt.Sprintf("plain_%05d_.png", i), red, 8, workflow)
	}
	for i := 1; i <= 2; i++ {
		save(t, dir, fmt.Sprintf("isac_%05d_.png", i), green, 8, workflow)
		save(t, dir, fmt.Sprintf("masks_%05d_.png", i), blue, 8, workflow)
	}
	out := filepath.Join(dir, "sub", "sheet.png")
	if err := run(dir, out, 4); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	sheet, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	count := map[color.Color]int{}
	for y := range sheet.Bounds().Dy() {
		for x := range sheet.Bounds().Dx() {
			count[color.NRGBAModel.Convert(sheet.At(x, y))]++
		}
	}
	const area = 2 * 32 * 32 // two pictures of 8×8, four times as large
	for _, c := range []color.NRGBA{red, green, blue} {
		if count[c] != area {
			t.Errorf("%d pixels are %v, want %d", count[c], c, area)
		}
	}
	if count[old] != 0 {
		t.Error("pictures of an earlier run are on the sheet")
	}
	if count[ink] < 100 {
		t.Errorf("%d pixels are of ink: is there no text?", count[ink])
	}
	first, second := image.Pt(margin+gutter+16, 0), image.Pt(margin+gutter+32+gap+16, 0)
	for _, at := range []image.Point{first, second} {
		order := ""
		for y := range sheet.Bounds().Dy() {
			switch color.NRGBAModel.Convert(sheet.At(at.X, y)) {
			case red:
				order += "r"
			case green:
				order += "g"
			case blue:
				order += "b"
			}
		}
		if want := strings.Repeat("r", 32) + strings.Repeat("g", 32) + strings.Repeat("b", 32); order != want {
			t.Errorf("column at x=%d is %q from top to bottom, want %q", at.X, order, want)
		}
	}
}

func TestTitle(t *testing.T) {
	dir := t.TempDir()
	save(t, dir, "plain_00001_.png", red, 8, workflow)
	found, err := newest(dir, "plain")
	if err != nil {
		t.Fatal(err)
	}
	var s sheet
	s.title(found[0])
	if s.prompt != "“two cats”" {
		t.Errorf("prompt %s, want the positive one", s.prompt)
	}
	if want := "model mini  ·  ddim, 20 steps  ·  CFG 4.0  ·  seed 18446744073709551615"; s.settings != want {
		t.Errorf("settings %q, want %q", s.settings, want)
	}
}

func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	if err := run(dir, filepath.Join(dir, "s.png"), 4); err == nil || !strings.Contains(err.Error(), "make demo") {
		t.Errorf("an empty folder gives %v, want what to do", err)
	}
	if err := run(dir, filepath.Join(dir, "s.png"), 0); err == nil {
		t.Error("a zoom of 0 was accepted")
	}
	if err := os.WriteFile(filepath.Join(dir, "plain_00001_.png"), []byte("no png"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(dir, filepath.Join(dir, "s.png"), 4); err == nil || !strings.Contains(err.Error(), "plain_00001_.png") {
		t.Errorf("a broken picture gives %v, want its name", err)
	}
}

func TestPictureWithoutWorkflow(t *testing.T) {
	dir := t.TempDir()
	for _, prefix := range []string{"plain", "isac", "masks"} {
		save(t, dir, prefix+"_00001_.png", red, 8, "")
	}
	if err := run(dir, filepath.Join(dir, "s.png"), 1); err != nil {
		t.Errorf("pictures that carry no workflow: %v", err)
	}
}

func TestTextChunkOfBrokenFile(t *testing.T) {
	data := append([]byte("12345678"), 0xFF, 0xFF, 0xFF, 0xFF, 't', 'E', 'X', 't', 'a', 0, 'b', 'c')
	if got := textChunk(data, "a"); got != nil {
		t.Errorf("a chunk longer than its file gives %q", got)
	}
}
