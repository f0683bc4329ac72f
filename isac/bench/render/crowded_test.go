package render

import (
	"fmt"
	"image"
	"path/filepath"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// crowdedRecords are those of an ablation: five tasks, eight methods with long names, losses on two scales.
func crowdedRecords() []score.Record {
	var records []score.Record
	for i, m := range []string{"none", "isac", "isac:paper", "isac:typed+end=0.3+eta=0.05", "isac:typed+clustering=spectral+eta=0.05+kmeans.restarts=2",
		"isac:typed+overlap=mae", "isac:typed+schedule=C", "random:typed+eta=0.05"} {
		for _, task := range []string{"single", "multi-class", "multi-instance", "mixed", "numeracy"} {
			for n := range 12 {
				level := 2 + n%4
				prompt, wanted := examplePrompt(task, level, n)
				if task == "single" {
					prompt, wanted, level = fmt.Sprintf("A photo of a %s.", animals[n%len(animals)]), []score.Wanted{{Class: animals[n%len(animals)], Count: 1}}, 1
					if n >= len(animals) {
						continue
					}
				}
				if task == "numeracy" {
					prompt, level = "A long and winding scene in which there are, beside the old mill that nobody visits in winter, "+prompt, 1+n
				}
				r := exampleRecord(task, level, prompt, wanted, 1, m, 0.05*float64(i%4))
				for k := range r.Losses {
					if m == "isac:paper" {
						r.Losses[k].Instance *= 900
					}
				}
				records = append(records, r)
			}
		}
	}
	return records
}

// Nothing may break or be cut off where there is much of everything; the pictures are to be looked at too (ISAC_RENDER_OUT).
func TestReportOfACrowdedBench(t *testing.T) {
	dir := filepath.Join(outDir(t), "crowded")
	if _, err := Report(dir, crowdedRecords(), Options{Picture: examplePicture, Rows: 2}); err != nil {
		t.Fatal(err)
	}
	for name := range files(t, dir) {
		if filepath.Ext(name) == ".png" {
			img := readPNG(t, filepath.Join(dir, name))
			size := img.Bounds().Size()
			if size.X != 1200 {
				t.Errorf("%s is %v", name, size)
			}
			for _, edge := range []image.Rectangle{image.Rect(0, 0, 3, size.Y), image.Rect(1197, 0, 1200, size.Y), image.Rect(0, 0, 1200, 3)} {
				if n, _ := painted(img, edge, white); n != edge.Dx()*edge.Dy() {
					t.Errorf("%s: something runs into the edge %v", name, edge)
				}
			}
		}
	}
	s, err := score.Summarise(crowdedRecords(), "none")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range figures(s, crowdedRecords()) {
		written := textsOf(f)
		for _, method := range []string{"isac:typed+clustering=spectral+eta=0.05+kmeans.restarts=2", "random:typed+eta=0.05"} {
			if !slices.Contains(written, method) {
				t.Errorf("%s lacks %s", f.name, method)
			}
		}
	}
}
