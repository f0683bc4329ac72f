package bench

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/bench/score"
	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// The mini model and its detectors, and the tiny detectors of package onnx.
const (
	miniModel     = "../../examples/mini/model"
	miniDetectors = "../../examples/mini/detector"
	onnxModels    = "detect/onnx/testdata"
)

// miniRequest is a bench of a few quick pictures: two prompts.
func miniRequest(t *testing.T, texts ...string) Request {
	t.Helper()
	if _, err := os.Stat(miniDetectors); err != nil {
		t.Skip("examples/mini/detector is not there; its training makes it")
	}
	return Request{
		Model: miniModel, Detectors: []string{"mini:" + miniDetectors},
		Sampling: Sampling{Sampler: "ddim", Scheduler: "ddim_uniform", Steps: 4, CFG: 5},
		Methods:  parsed(t, texts...), Tasks: []string{"multi-instance"}, Sample: 0.2, Split: "select", Prompts: 2, Seeds: 1,
	}
}

func planOf(t *testing.T, r Request) *Plan {
	t.Helper()
	p, err := NewPlan(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// all makes all pictures of a plan in a new folder.
func all(t *testing.T, p *Plan) *Folder {
	t.Helper()
	f := openFolder(t, t.TempDir(), p.Settings)
	if err := Run(t.Context(), p, f, RunOptions{Shards: 1}); err != nil {
		t.Fatal(err)
	}
	return f
}

// plain gives the records without what differs from run to run, as text.
func plain(t *testing.T, f *Folder) string {
	t.Helper()
	records := recordsOf(t, f)
	for i := range records {
		if records[i].Seconds <= 0 || records[i].PeakBytes <= 0 {
			t.Errorf("%s took %v s and %d bytes", records[i].Key(), records[i].Seconds, records[i].PeakBytes)
		}
		records[i].Seconds, records[i].PeakBytes = 0, 0
	}
	text, err := json.MarshalIndent(records, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// table gives the table of the records without what differs from run to run.
func table(t *testing.T, f *Folder) string {
	t.Helper()
	records := recordsOf(t, f)
	other := openFolder(t, t.TempDir(), f.Settings)
	for i := range records {
		records[i].Seconds, records[i].PeakBytes = 1, 1
	}
	put(t, other, 0, records...)
	if _, err := Report([]*Folder{other}, other.Path, nil); err != nil {
		t.Fatal(err)
	}
	return readText(t, filepath.Join(other.Path, "table.md"))
}

func same(t *testing.T, what string, got, want *Folder) {
	t.Helper()
	if g, w := plain(t, got), plain(t, want); g != w {
		t.Errorf("%s: the records differ:\n%s\n%s", what, g, w)
	}
	if g, w := table(t, got), table(t, want); g != w {
		t.Errorf("%s: the tables differ:\n%s\n%s", what, g, w)
	}
}

// Stopped at any moment and started again, and divided between two processes: the same results.
func TestRunGoesOn(t *testing.T) {
	torchtest.Require(t)
	p := planOf(t, miniRequest(t, "none", "isac:typed", "random:typed+end=1"))
	want := all(t, p)
	if n := len(recordsOf(t, want)); n != p.Pictures() || n != 6 {
		t.Fatalf("%d records of %d pictures, expected 6", n, p.Pictures())
	}

	interrupted := t.TempDir()
	stops := 0
	for stops < 4 {
		f := openFolder(t, interrupted, p.Settings)
		ctx, stop := context.WithCancel(t.Context())
		wait := time.Duration(rand.IntN(400)) * time.Millisecond
		err := Run(ctx, p, f, RunOptions{Shards: 1, KeepImages: true, Made: func(Picture) error {
			if stops < 3 {
				time.AfterFunc(wait, stop) // somewhere in the next pictures
			}
			return nil
		}})
		stop()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		stops++
	}
	if stops == 0 || stops > 3 {
		t.Errorf("it was interrupted %d times", stops)
	}
	f := openFolder(t, interrupted, p.Settings)
	same(t, "interrupted", f, want)
	for _, r := range recordsOf(t, f) {
		if picture, err := f.Picture(r); err != nil || picture.Bounds().Dx() < 32 {
			t.Errorf("the picture of %s: %v", r.Key(), err)
		}
	}

	divided := openFolder(t, t.TempDir(), p.Settings)
	for shard := range 2 {
		if err := Run(t.Context(), p, divided, RunOptions{Shard: shard, Shards: 2}); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "divided", divided, want)
	// Nothing is left to do, whoever asks.
	if err := Run(t.Context(), p, divided, RunOptions{Shards: 1, Made: func(p Picture) error { return errors.New("a picture was made twice") }}); err != nil {
		t.Error(err)
	}
	checkMethods(t, recordsOf(t, want))
}

// checkMethods looks at what distinguishes the methods in the records of TestRunGoesOn.
func checkMethods(t *testing.T, records []score.Record) {
	t.Helper()
	byMethod := map[string][]score.Record{}
	for _, r := range records {
		byMethod[r.Method] = append(byMethod[r.Method], r)
		if len(r.Found) != 2 {
			t.Errorf("%s was looked at by %d detectors", r.Key(), len(r.Found))
		}
	}
	steps := func(r score.Record) (seen []int) {
		for _, l := range r.Losses {
			seen = append(seen, l.Step)
			if l.Skipped == "" && l.Moved != isac.Typed().Eta {
				t.Errorf("%s moved by %v at step %d, expected %v", r.Key(), l.Moved, l.Step, isac.Typed().Eta)
			}
		}
		return seen
	}
	for i := range byMethod["none"] {
		none, guided, random := byMethod["none"][i], byMethod["isac:typed"][i], byMethod["random:typed+end=1"][i]
		if none.Options != nil || none.Losses != nil {
			t.Errorf("plain sampling has options or losses: %+v", none)
		}
		if got := steps(guided); !slices.Equal(got, []int{0, 1}) { // the first half of four steps
			t.Errorf("steps %v were guided", got)
		}
		if got := steps(random); !slices.Equal(got, []int{0, 1, 2, 3}) {
			t.Errorf("steps %v went at random", got)
		}
		// The same noise: nothing has moved yet at the first step, and both look at the same losses.
		if guided.Losses[0].Instance != random.Losses[0].Instance || guided.Losses[1].Instance == random.Losses[1].Instance {
			t.Errorf("losses of %s: %+v guided, %+v at random", none.Prompt, guided.Losses, random.Losses)
		}
		if !random.Options.Control() || guided.Seed != none.Seed {
			t.Errorf("%+v", random)
		}
	}
}

// With measure, the losses of plain sampling are there, and its pictures are those of plain sampling.
func TestMeasure(t *testing.T) {
	torchtest.Require(t)
	r := miniRequest(t, "none")
	r.Prompts = 1
	before := recordsOf(t, all(t, planOf(t, r)))
	r.Measure, r.Look = true, isac.Typed()
	after := recordsOf(t, all(t, planOf(t, r)))
	if len(after) != 1 || len(after[0].Losses) != 4 {
		t.Fatalf("%+v", after)
	}
	for _, l := range after[0].Losses {
		if l.Instance == 0 || l.Moved != 0 {
			t.Errorf("%+v", l)
		}
	}
	got, _ := json.Marshal(after[0].Found)
	want, _ := json.Marshal(before[0].Found)
	if string(got) != string(want) {
		t.Errorf("measuring changes the picture: %s, without %s", got, want)
	}
}

// Where a guided run leads out of the numbers, that costs the method the picture, and the bench goes on; where plain sampling does,
// the bench makes no sense and ends. A scale of classifier-free guidance of 1e38 does it to both.
func TestPictureThatCannotBeMade(t *testing.T) {
	torchtest.Require(t)
	r := miniRequest(t, "isac:typed")
	r.Prompts, r.CFG = 1, 1e38
	records := recordsOf(t, all(t, planOf(t, r)))
	if len(records) != 1 {
		t.Fatalf("%d records", len(records))
	}
	failed := records[0]
	if len(failed.Losses) != 1 || !strings.Contains(failed.Losses[0].Skipped, "not finite") || len(failed.Found) != 2 || failed.Seconds <= 0 {
		t.Errorf("%+v", failed)
	}
	if s := score.Judge(failed); s.Ratio != 0 || s.Exact || s.Over {
		t.Errorf("nothing is worth %+v", s)
	}
	r.Methods = parsed(t, "none")
	p := planOf(t, r)
	err := Run(t.Context(), p, openFolder(t, t.TempDir(), p.Settings), RunOptions{Shards: 1})
	if !errors.Is(err, diffusion.ErrNotFinite) || !strings.Contains(err.Error(), failed.Prompt) {
		t.Errorf("plain sampling: %v", err)
	}
}

func TestLosses(t *testing.T) {
	both := []guidance.Loss{{Name: isac.LossInstance, Value: 0.2}, {Name: isac.LossClass, Value: 0.1}}
	reports := [][]guidance.Report{
		{{Step: guidance.Step{Index: 0}, Height: 8, Losses: both, StepNorm: 3, LatentNorm: 6}},
		{{Step: guidance.Step{Index: 1}, Height: 8, Skipped: "no foreground"}},
		{{Step: guidance.Step{Index: 2}, Skipped: "outside the window"}},
	}
	got := losses(reports)
	want := []score.StepLoss{{Step: 0, Instance: 0.2, Class: 0.1, Moved: 0.5}, {Step: 1, Skipped: "no foreground"}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, expected %+v", got, want)
	}
}

func TestCalibrate(t *testing.T) {
	torchtest.Require(t)
	r := miniRequest(t, "none", "isac")
	r.Steps = 1
	p := planOf(t, r)
	made := p.Units(0, 1, func(string) bool { return false })[0].Record(p.Split).Key()
	estimates, err := Calibrate(t.Context(), p, func(key string) bool { return key == made })
	if err != nil {
		t.Fatal(err)
	}
	if len(estimates) != 2 || estimates[0].Pictures != 1 || estimates[1].Pictures != 2 || estimates[0].Each <= 0 {
		t.Errorf("%+v", estimates)
	}
	if want := estimates[0].Each + 2*estimates[1].Each; Expected(estimates) != want {
		t.Errorf("%v in all, expected %v", Expected(estimates), want)
	}
}
