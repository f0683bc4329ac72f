//go:build linux

package e2e

import (
	"bytes"
	"encoding/json"
	"image"
	"image/draw"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// readPNG reads a whole image as RGBA.
func readPNG(t *testing.T, path string) *image.NRGBA {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	out := image.NewNRGBA(picture.Bounds())
	draw.Draw(out, out.Rect, picture, picture.Bounds().Min, draw.Src)
	return out
}

// record is what these tests read of run.json.
type record struct {
	Status string
	Error  *struct {
		Message string
		Node    string `json:"node_id"`
	}
	Seconds float64
	Nodes   []struct {
		ID      string
		Class   string `json:"class_type"`
		Seconds float64
		Files   []string
		Steps   []struct {
			Index, Count, Image, Foreground int
			Loss                            float64
			Skipped                         string
		}
	}
}

func readRecord(t *testing.T, out string) record {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(out, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatalf("run.json: %v", err)
	}
	return r
}

// TestDemo is what make demo shows: four images without guidance and four with, and the masks that guidance saw.
func TestDemo(t *testing.T) {
	first := start(t, demo)
	if status := first.wait(5 * time.Minute); status != 0 {
		t.Fatalf("status is %d", status)
	}
	first.expectClean()
	names := strings.Fields(`plain_00001_.png plain_00002_.png plain_00003_.png plain_00004_.png
		isac_00001_.png isac_00002_.png isac_00003_.png isac_00004_.png
		masks_00001_.png masks_00002_.png masks_00003_.png masks_00004_.png`)
	var printed []string
	pictures := map[string]*image.NRGBA{}
	for _, name := range names {
		printed = append(printed, filepath.Join(first.out, name))
		p := readPNG(t, filepath.Join(first.out, name))
		if p.Rect.Dx() != 64 || p.Rect.Dy() != 64 {
			t.Errorf("%s is %d×%d, want 64×64", name, p.Rect.Dx(), p.Rect.Dy())
		}
		if deviation(p) < 1 {
			t.Errorf("%s shows one colour", name)
		}
		pictures[name] = p
	}
	if got := strings.Join(strings.Fields(first.stdout.String()), " "); got != strings.Join(printed, " ") {
		t.Errorf("printed %s\nwant %s", got, strings.Join(printed, " "))
	}
	for i := 1; i <= 4; i++ {
		n := "_0000" + string(rune('0'+i)) + "_.png"
		if bytes.Equal(pictures["plain"+n].Pix, pictures["isac"+n].Pix) {
			t.Errorf("image %d is the same with and without guidance", i)
		}
		if i > 1 && bytes.Equal(pictures["plain"+n].Pix, pictures["plain_00001_.png"].Pix) {
			t.Errorf("image %d of the batch is the first one again", i)
		}
	}
	checkRecord(t, readRecord(t, first.out))

	second := start(t, demo)
	if status := second.wait(5 * time.Minute); status != 0 {
		t.Fatalf("status of the second run is %d", status)
	}
	for _, name := range names {
		if !bytes.Equal(readPNG(t, filepath.Join(second.out, name)).Pix, pictures[name].Pix) {
			t.Errorf("%s differs in a second run", name)
		}
	}
}

// deviation is the standard deviation of the pixels' values, 0 to 127.5.
func deviation(p *image.NRGBA) float64 {
	var n, sum, squares float64
	for i, v := range p.Pix {
		if i%4 != 3 { // alpha
			n, sum, squares = n+1, sum+float64(v), squares+float64(v)*float64(v)
		}
	}
	return math.Sqrt(max(0, squares/n-(sum/n)*(sum/n)))
}

func checkRecord(t *testing.T, r record) {
	t.Helper()
	if r.Status != "success" || r.Error != nil || r.Seconds <= 0 || len(r.Nodes) != 13 {
		t.Errorf("run.json says %+v", r)
	}
	guided := 0
	for _, n := range r.Nodes {
		if n.ID != "20" && len(n.Steps) > 0 {
			t.Errorf("node %s was guided", n.ID)
		}
		for _, s := range n.Steps {
			if s.Skipped == "" {
				guided++
				if s.Loss <= 0 || s.Foreground <= 0 {
					t.Errorf("guided step %+v", s)
				}
			}
		}
	}
	if guided == 0 {
		t.Error("no step was guided")
	}
}

// TestImagesCarryTheirWorkflow: what a picture was made from can be read from it, and makes it again.
func TestImagesCarryTheirWorkflow(t *testing.T) {
	s := start(t, demo, quick...)
	if status := s.wait(2 * time.Minute); status != 0 {
		t.Fatalf("status is %d", status)
	}
	text := textChunk(t, filepath.Join(s.out, "isac_00001_.png"), "prompt")
	var prompt map[string]struct {
		Class  string `json:"class_type"`
		Inputs map[string]any
	}
	if err := json.Unmarshal([]byte(text), &prompt); err != nil {
		t.Fatal(err)
	}
	if n := prompt["20"]; n.Class != "KSampler" || n.Inputs["steps"] != 4.0 {
		t.Errorf("node 20 of the prompt in the image is %+v", n)
	}
	again := filepath.Join(t.TempDir(), "again.json")
	if err := os.WriteFile(again, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	r := start(t, again)
	if status := r.wait(2 * time.Minute); status != 0 {
		t.Fatalf("status of the second run is %d", status)
	}
	for _, name := range []string{"plain_00001_.png", "isac_00001_.png"} {
		if !bytes.Equal(readPNG(t, filepath.Join(s.out, name)).Pix, readPNG(t, filepath.Join(r.out, name)).Pix) {
			t.Errorf("%s differs when it is made from the workflow that it carries", name)
		}
	}
}

// textChunk reads a tEXt chunk of a PNG file.
func textChunk(t *testing.T, path, key string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 8; at+12 <= len(data); {
		length := int(data[at])<<24 | int(data[at+1])<<16 | int(data[at+2])<<8 | int(data[at+3])
		if string(data[at+4:at+8]) == "tEXt" {
			if name, text, ok := bytes.Cut(data[at+8:at+8+length], []byte{0}); ok && string(name) == key {
				return string(text)
			}
		}
		at += 12 + length
	}
	t.Fatalf("%s has no text chunk %q", path, key)
	return ""
}

// TestNumbersGoOn: a second run into the same folder adds to it.
func TestNumbersGoOn(t *testing.T) {
	s := start(t, demo, quick...)
	if status := s.wait(2 * time.Minute); status != 0 {
		t.Fatalf("status is %d", status)
	}
	next := start(t, demo, append([]string{"--out", s.out, "--set", "10.seed=8", "--set", "20.seed=8"}, quick...)...)
	if status := next.wait(2 * time.Minute); status != 0 {
		t.Fatalf("status of the second run is %d", status)
	}
	a, b := readPNG(t, filepath.Join(s.out, "plain_00001_.png")), readPNG(t, filepath.Join(s.out, "plain_00002_.png"))
	if bytes.Equal(a.Pix, b.Pix) {
		t.Error("another seed gave the same image")
	}
}
