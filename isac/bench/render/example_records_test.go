package render

import (
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/isac-guidance/isac/isac/bench/detect"
	"github.com/isac-guidance/isac/isac/bench/score"
)

var animals = []string{"bear", "cat", "cow", "dog", "elephant", "giraffe", "horse", "sheep", "zebra"}

// exampleRecords makes records like those of a real bench: three methods, three tasks, four levels, 200 pairs a task of 40 prompts
// and 5 seeds. Methods share the noise: an object that is found without guidance is mostly found with it.
func exampleRecords() []score.Record {
	methods := []string{"none", "isac", "random"}
	help := map[string]float64{"none": 0, "isac": 0.16, "random": -0.01}
	var records []score.Record
	for _, task := range []string{"multi-class", "multi-instance", "mixed"} {
		for n := range 40 {
			level := 2 + n%4
			prompt, wanted := examplePrompt(task, level, n)
			for seed := range uint64(5) {
				for _, m := range methods {
					records = append(records, exampleRecord(task, level, prompt, wanted, seed, m, help[m]))
				}
			}
		}
	}
	return records
}

func examplePrompt(task string, level, n int) (string, []score.Wanted) {
	name := func(i int) string { return animals[(n*3+i*2)%len(animals)] }
	var wanted []score.Wanted
	switch task {
	case "multi-class":
		for i := range level {
			wanted = append(wanted, score.Wanted{Class: name(i), Count: 1})
		}
	case "multi-instance":
		wanted = []score.Wanted{{Class: animals[(n/4)%len(animals)], Count: level}}
	default:
		first := 1 + n/4%(level-1)
		wanted = []score.Wanted{{Class: name(0), Count: first}, {Class: name(1), Count: level - first}}
	}
	var parts []string
	for _, w := range wanted {
		if w.Count == 1 {
			parts = append(parts, "a "+w.Class)
		} else {
			parts = append(parts, fmt.Sprintf("%s %ss", []string{"two", "three", "four", "five"}[w.Count-2], w.Class))
		}
	}
	return fmt.Sprintf("A photo of %s (%d).", strings.Join(parts, ", "), n), wanted
}

func exampleRecord(task string, level int, prompt string, wanted []score.Wanted, seed uint64, method string, help float64) score.Record {
	h := fnv.New64a()
	fmt.Fprint(h, task, prompt, seed)
	noise := rand.New(rand.NewPCG(h.Sum64(), 1)) // the same for all methods
	fmt.Fprint(h, method)
	own := rand.New(rand.NewPCG(h.Sum64(), 2))
	r := score.Record{
		Task: task, Split: "report", Level: level, Prompt: prompt, Wanted: wanted, Seed: seed, Method: method,
		Found: map[string][]detect.Detection{"heatmap": {}, "segments": {}}, Seconds: 0.9 + 0.05*own.Float64(), PeakBytes: 612e6,
	}
	if method != "none" {
		r.Seconds, r.PeakBytes = 1.7+0.1*own.Float64(), 934e6
	}
	see := func(class string, x, y, w, h float64) {
		for _, d := range []string{"heatmap", "segments"} {
			j := func(v float64) float64 { return math.Min(64, math.Max(0, v+own.Float64()*1.5-0.75)) }
			r.Found[d] = append(r.Found[d], detect.Detection{Class: class, Score: 0.6 + 0.4*own.Float64(),
				Box: detect.Box{X0: j(x), Y0: j(y), X1: j(x + w), Y1: j(y + h)}})
		}
	}
	chance := math.Max(0.12, 1.02-0.17*float64(level)+help+0.05*(noise.Float64()-0.5))
	place := 0
	for _, w := range wanted {
		for range w.Count {
			u := noise.Float64()
			if own.Float64() < 0.15 {
				u = own.Float64()
			}
			x, y := float64(place%3)*21+1, float64(place/3)*30+3
			place++
			if u < chance {
				see(w.Class, x, y, 17+noise.Float64()*5, 20+noise.Float64()*8)
			} else if own.Float64() < 0.12 && place > 1 { // a hybrid: another class over the object before
				see(animals[own.IntN(len(animals))], x-18, y, 17, 22)
			}
		}
	}
	if own.Float64() < 0.07+help/4 {
		see(wanted[0].Class, 40, 34, 18, 24)
	}
	r.Losses = exampleLosses(r, method, noise, own)
	return r
}

// exampleLosses are those of 20 steps without guidance, and of the first ten with it.
func exampleLosses(r score.Record, method string, noise, own *rand.Rand) []score.StepLoss {
	var all []score.StepLoss
	start, wobble := 0.10+0.05*noise.Float64(), 0.6+0.8*noise.Float64()
	for step := range 20 {
		if method != "none" && step >= 10 {
			break
		}
		t := float64(step) / 19
		level := start*(0.4+0.6*math.Exp(-3*t)) + 0.01*own.Float64()
		moved := 0.0
		if method == "isac" {
			level *= 1 - 0.45*math.Min(1, 4*t)
		}
		if method != "none" {
			moved = 0.02
		}
		l := score.StepLoss{Step: step, Instance: level, Class: level * wobble * 4, Moved: moved}
		if len(r.Wanted) == 1 {
			l.Class = 0
		}
		all = append(all, l)
	}
	return all
}

// examplePicture paints what the first detector saw: a disc an object, its colour the class.
func examplePicture(r score.Record) (image.Image, error) {
	img := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for y := range 64 {
		for x := range 64 {
			c := color.RGBA{uint8(150 + y), uint8(190 + y/2), uint8(230 - y), 255}
			for _, d := range r.Found["heatmap"] {
				dx := (float64(x) + 0.5 - (d.Box.X0+d.Box.X1)/2) / d.Box.Width() * 2
				dy := (float64(y) + 0.5 - (d.Box.Y0+d.Box.Y1)/2) / d.Box.Height() * 2
				if dx*dx+dy*dy < 0.85 {
					h := fnv.New32a()
					h.Write([]byte(d.Class))
					v := h.Sum32()
					c = color.RGBA{uint8(60 + v%150), uint8(60 + v>>8%150), uint8(60 + v>>16%150), 255}
				}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img, nil
}
