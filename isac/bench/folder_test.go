package bench

import (
	"bytes"
	"compress/gzip"
	"errors"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/bench/detect"
	"github.com/isac-guidance/isac/isac/bench/score"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/isac/torch"
)

// write makes a file in a new folder.
func write(t *testing.T, path string, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func fingerprint(t *testing.T, path string) string {
	t.Helper()
	hash, err := Fingerprint(path)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func TestFingerprint(t *testing.T) {
	dir := t.TempDir()
	one := write(t, filepath.Join(dir, "one.onnx"), "weights")
	moved := write(t, filepath.Join(dir, "elsewhere", "two.onnx"), "weights")
	other := write(t, filepath.Join(dir, "other.onnx"), "Weights")
	if fingerprint(t, one) != fingerprint(t, moved) || fingerprint(t, one) == fingerprint(t, other) {
		t.Error("files are not told by their contents")
	}
	model := filepath.Join(dir, "model")
	write(t, filepath.Join(model, "unet", "a.safetensors"), "abc")
	write(t, filepath.Join(model, "unet", "config.json"), "{}")
	before := fingerprint(t, model)
	write(t, filepath.Join(model, "README.md"), "notes")
	write(t, filepath.Join(model, "samples.png"), "a picture")
	if fingerprint(t, model) != before {
		t.Error("a folder's notes count")
	}
	write(t, filepath.Join(model, "unet", "config.json"), "{ }")
	if fingerprint(t, model) == before {
		t.Error("a setting does not count")
	}
	for _, path := range []string{filepath.Join(dir, "nowhere"), t.TempDir()} {
		if _, err := Fingerprint(path); err == nil {
			t.Errorf("%s has a fingerprint", path)
		}
	}
}

// Of large files the size and both ends count.
func TestFingerprintOfLargeFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.safetensors")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(wholeFile + 1000); err != nil { // a hole: it takes no room on the disk
		t.Fatal(err)
	}
	seen := []string{fingerprint(t, path)}
	for _, change := range []func() error{
		func() error { _, err := file.WriteAt([]byte{1}, 0); return err },
		func() error { _, err := file.WriteAt([]byte{1}, wholeFile+999); return err },
		func() error { return file.Truncate(wholeFile + 1001) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		hash := fingerprint(t, path)
		if slices.Contains(seen, hash) {
			t.Error("a change has gone unnoticed")
		}
		seen = append(seen, hash)
	}
}

// request is for tests that only need its settings: its files are small and hold nothing.
func smallRequest(t *testing.T) Request {
	dir := t.TempDir()
	return Request{
		Model: write(t, filepath.Join(dir, "model.safetensors"), "model"), Detectors: []string{"yolo:" + write(t, filepath.Join(dir, "yolo.onnx"), "yolo")},
		Sampling: Sampling{Sampler: "ddim", Scheduler: "ddim_uniform", Steps: 20, CFG: 7.5},
		Methods:  parsed(t, "none", "isac"), Tasks: []string{"multi-class"}, Sample: 0.2, Split: "select", Seeds: 1,
	}
}

func settingsOf(t *testing.T, r Request) Settings {
	t.Helper()
	s, err := r.settings()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openFolder(t *testing.T, path string, s Settings) *Folder {
	t.Helper()
	f, err := OpenFolder(path, s)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFolderRefusesOtherSettings(t *testing.T) {
	r := smallRequest(t)
	dir := filepath.Join(t.TempDir(), "out")
	openFolder(t, dir, settingsOf(t, r))
	openFolder(t, dir, settingsOf(t, r)) // the same is fine
	other := write(t, filepath.Join(t.TempDir(), "other.safetensors"), "another model")
	for name, test := range map[string]struct {
		change func(*Request)
		says   []string
	}{
		"model":     {func(r *Request) { r.Model = other }, []string{"model: model.safetensors (", "other.safetensors ("}},
		"detectors": {func(r *Request) { r.Detectors = append(r.Detectors, "dino:"+other) }, []string{"detectors: yolo.onnx (", "other.safetensors ("}},
		"many at once": {func(r *Request) { r.Steps, r.CFG, r.Sampler, r.Size = 30, 3, "euler", 256 },
			[]string{"steps: 20 there, 30 asked for", "cfg: 7.5 there, 3 asked for", "sampler: ddim there, euler asked for", "size: 0 there, 256"}},
		"split":   {func(r *Request) { r.Split = "report" }, []string{"split: select there, report asked for"}},
		"device":  {func(r *Request) { r.Device, r.DType = "cuda:1", torch.Float16 }, []string{"device: cpu there, cuda asked for", "dtype: "}},
		"prompts": {func(r *Request) { r.Sample, r.TaskSeed = 0.5, 7 }, []string{"sample: 0.2 there, 0.5", "task seed: 0 there, 7"}},
		"measure": {func(r *Request) { r.Measure, r.Look = true, isac.Paper() }, []string{"measure: false there", "options of measuring"}},
	} {
		changed := r
		changed.Detectors = slices.Clone(r.Detectors)
		test.change(&changed)
		_, err := OpenFolder(dir, settingsOf(t, changed))
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		for _, want := range append(test.says, dir, "give another folder") {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: it is not said %q: %v", name, want, err)
			}
		}
	}
	// A file that lies elsewhere is the same file.
	moved := r
	moved.Model = write(t, filepath.Join(t.TempDir(), "renamed.safetensors"), "model")
	openFolder(t, dir, settingsOf(t, moved))
}

// Methods may be added, but a method's text must not come to stand for other options.
func TestFolderKeepsItsMethods(t *testing.T) {
	r := smallRequest(t)
	dir := t.TempDir()
	openFolder(t, dir, settingsOf(t, r))
	r.Methods = parsed(t, "random")
	if f := openFolder(t, dir, settingsOf(t, r)); len(f.Settings.Methods) != 3 {
		t.Errorf("the folder has the methods %v", f.Settings.Methods)
	}
	s := settingsOf(t, r)
	changed := s.Methods["random"].Method.(isac.Options)
	changed.Eta *= 2
	s.Methods["random"] = &methods.Chosen{Method: changed}
	_, err := OpenFolder(dir, s)
	if err == nil || !strings.Contains(err.Error(), "method random: ") || !strings.Contains(err.Error(), `"eta"`) {
		t.Errorf("a method of other options: %v", err)
	}
}

func record(method string, seed uint64, found int) score.Record {
	r := score.Record{
		Task: "multi-instance", Split: "select", Level: 3, Prompt: "A photo of three cats.", Wanted: []score.Wanted{{Class: "cat", Count: 3}},
		Seed: seed, Method: method, Found: map[string][]detect.Detection{"a": {}}, Seconds: 1, PeakBytes: 1 << 20,
	}
	for i := range found {
		r.Found["a"] = append(r.Found["a"], detect.Detection{Class: "cat", Score: 0.9, Box: detect.Box{X0: float64(20 * i), X1: float64(20*i + 9), Y1: 9}})
	}
	return r
}

func put(t *testing.T, f *Folder, shard int, records ...score.Record) {
	t.Helper()
	w, err := f.Writer(shard)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func recordsOf(t *testing.T, f *Folder) []score.Record {
	t.Helper()
	records, err := f.Records()
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// Wherever a write was cut, the lines before stay, and the next line is whole.
func TestFolderAfterAKill(t *testing.T) {
	s := settingsOf(t, smallRequest(t))
	dir := t.TempDir()
	f := openFolder(t, dir, s)
	put(t, f, 0, record("none", 1, 1))
	put(t, f, 1, record("none", 2, 2))
	path := filepath.Join(dir, "results-1.jsonl")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(whole) {
		write(t, path, string(whole)+string(whole[:cut]))
		if n := len(recordsOf(t, f)); n != 2 && cut < len(whole)-1 {
			t.Fatalf("cut at byte %d: %d records while another writes", cut, n)
		}
		if cut%17 != 0 {
			continue
		}
		put(t, openFolder(t, dir, s), 1, record("none", 3, 3))
		if records := recordsOf(t, f); len(records) != 3 || records[2].Seed != 3 {
			t.Fatalf("cut at byte %d: %v", cut, records)
		}
	}
	write(t, path, "{}\n"+string(whole))
	if _, err := f.Records(); err == nil || !strings.Contains(err.Error(), "results-1.jsonl") || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a line that is no record: %v", err)
	}
}

// Results that are compressed are read as they were, and not gone on with.
func TestFolderThatIsCompressed(t *testing.T) {
	s := settingsOf(t, smallRequest(t))
	dir := t.TempDir()
	f := openFolder(t, dir, s)
	put(t, f, 0, record("none", 1, 1))
	put(t, f, 1, record("none", 2, 2))
	want := recordsOf(t, f)
	path := filepath.Join(dir, "results-1.jsonl")
	text := readText(t, path)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path+".gz", b.String())
	if _, err := f.Records(); err == nil || !strings.Contains(err.Error(), "both results-1.jsonl and results-1.jsonl.gz") {
		t.Errorf("with both: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := recordsOf(t, f); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, err := OpenFolder(dir, s); err == nil || !strings.Contains(err.Error(), "gunzip") {
		t.Errorf("to be gone on with: %v", err)
	}
	write(t, path+".gz", b.String()[:b.Len()-9])
	if _, err := f.Records(); err == nil || !strings.Contains(err.Error(), "results-1.jsonl.gz") {
		t.Errorf("cut off: %v", err)
	}
}

func TestFolderThatIsNone(t *testing.T) {
	if _, err := ReadFolder(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "results-0.jsonl"), "")
	if _, err := OpenFolder(dir, settingsOf(t, smallRequest(t))); err == nil {
		t.Error("results without settings are gone on with")
	}
}

func TestFolderKeepsPictures(t *testing.T) {
	f := openFolder(t, t.TempDir(), settingsOf(t, smallRequest(t)))
	if f.Pictures() {
		t.Error("a new folder has pictures")
	}
	picture := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	picture.Set(1, 1, color.NRGBA{R: 200, A: 255})
	r := record("isac:typed+eta=0.1", 5, 0)
	if err := f.Keep(r, picture); err != nil {
		t.Fatal(err)
	}
	got, err := f.Picture(r)
	if err != nil || got.Bounds() != picture.Bounds() || got.At(1, 1) != picture.At(1, 1) || !f.Pictures() {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := f.Picture(record("none", 5, 0)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a picture that was not kept: %v", err)
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	lock, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); err == nil || !strings.Contains(err.Error(), "another bench") {
		t.Errorf("a folder is locked twice: %v", err)
	}
	lock.Close()
	again, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
