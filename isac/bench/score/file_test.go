package score

import (
	"bytes"
	"compress/gzip"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/bench/detect"
	"github.com/isac-guidance/isac/isac/methods"
)

func sample() Record {
	return Record{
		Task: TaskMixed, Split: SplitReport, Level: 3, Prompt: "A photo of two <cats> & a dog.", Wanted: want("cat", 2, "dog", 1), Seed: 7,
		Method: "isac:typed+eta=0.05", Options: &methods.Chosen{Method: isac.Default()}, Seconds: 12.345678, PeakBytes: 1 << 30,
		Found: map[string][]detect.Detection{
			"heatmap": {{Class: "cat", Score: 0.87654321, Box: detect.Box{X0: 0.04, Y0: 1.26, X1: 99.99, Y1: 1e3 / 3}}}, "segments": nil,
		},
		Losses: []StepLoss{{Step: 3, Instance: 0.123456789, Class: 1234567, Moved: 0.0000123456, Skipped: ""}, {Step: 4, Skipped: "no foreground"}},
	}
}

func TestRound(t *testing.T) {
	r := sample()
	got := r.Round()
	want := r
	want.Seconds = 12.346
	want.Found = map[string][]detect.Detection{
		"heatmap": {{Class: "cat", Score: 0.877, Box: detect.Box{X0: 0, Y0: 1.3, X1: 100, Y1: 333.3}}}, "segments": {},
	}
	want.Losses = []StepLoss{{Step: 3, Instance: 0.12346, Class: 1234600, Moved: 0.000012346}, {Step: 4, Skipped: "no foreground"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if !reflect.DeepEqual(got.Round(), got) {
		t.Error("rounding twice differs")
	}
	if r.Found["heatmap"][0].Score != 0.87654321 || r.Losses[0].Instance != 0.123456789 {
		t.Error("the record itself was changed")
	}
}

func written(t *testing.T, records ...Record) string {
	t.Helper()
	var b strings.Builder
	for _, r := range records {
		if err := Write(&b, r); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// oneCall fails a writer that is called more than once.
type oneCall struct{ calls int }

func (w *oneCall) Write(p []byte) (int, error) {
	if w.calls++; w.calls > 1 {
		return 0, errors.New("called twice")
	}
	return len(p), nil
}

func TestWriteRead(t *testing.T) {
	a, b := sample(), sample()
	b.Method, b.Options, b.Losses = "none", nil, nil
	text := written(t, a, b)
	if n := strings.Count(text, "\n"); n != 2 || !strings.HasSuffix(text, "\n") {
		t.Errorf("%d lines: %s", n, text)
	}
	for _, part := range []string{"two <cats> & a dog", `"segments":[]`, `"x0":0,"y0":1.3,"x1":100,"y1":333.3`, `"moved":0.000012346`} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is not in %s", part, text)
		}
	}
	got, err := Read(strings.NewReader(text + "\n \n"))
	if err != nil || !reflect.DeepEqual(got, []Record{a.Round(), b.Round()}) {
		t.Errorf("read %+v, %v", got, err)
	}
	if got, err := Read(strings.NewReader("")); err != nil || len(got) != 0 {
		t.Errorf("of an empty file: %v, %v", got, err)
	}
	// Fields of a later version are passed over.
	if got, err := Read(strings.NewReader(strings.Replace(text, "{", `{"later":1,`, 1))); err != nil || len(got) != 2 {
		t.Errorf("with an unknown field: %v, %v", got, err)
	}
	if err := Write(&oneCall{}, a); err != nil {
		t.Error(err)
	}
	bad := sample()
	bad.Task, bad.Found["heatmap"][0].Score, bad.Losses[0].Class = "x", math.NaN(), math.Inf(1)
	var out bytes.Buffer
	err = Write(&out, bad)
	for _, part := range []string{`task is "x"`, "detection 0 of heatmap: score is NaN", "losses of step 3"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not say %q", err, part)
		}
	}
	if out.Len() > 0 {
		t.Errorf("a bad record wrote %q", &out)
	}
}

// TestReadFile reads records that were compressed, of which none may be missing.
func TestReadFile(t *testing.T) {
	a, b := sample(), sample()
	b.Method = "none"
	text := written(t, a) + written(t, b)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, c := range map[string]struct {
		content string
		want    int // -1: an error
	}{
		"plain.jsonl":      {text, 2},
		"cut.jsonl":        {text[:len(text)-9], 1},
		"whole.jsonl.gz":   {zipped.String(), 2},
		"cut.jsonl.gz":     {zipped.String()[:zipped.Len()-9], -1},
		"not-zip.jsonl.gz": {text, -1},
		"empty.jsonl.gz":   {"", -1},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(c.content), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := ReadFile(path, AllowCut)
		if (err != nil) != (c.want < 0) || err == nil && len(got) != c.want {
			t.Errorf("%s: %d records, %v; want %d", name, len(got), err, c.want)
		}
	}
	if _, err := ReadFile(filepath.Join(dir, "none.jsonl")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestCut cuts a file at every byte of its last record, as a kill can.
func TestCut(t *testing.T) {
	a, b := sample(), sample()
	b.Method = "none"
	first, second := written(t, a), written(t, b)
	path := filepath.Join(t.TempDir(), "results.jsonl")
	for n := range len(second) {
		text := first + second[:n]
		whole := n == len(second)-1 // only the newline is missing: nothing is lost
		want := 1
		if whole {
			want = 2
		}
		got, err := Read(strings.NewReader(text), AllowCut)
		if err != nil || len(got) != want {
			t.Fatalf("cut at %d: %d records, %v", n, len(got), err)
		}
		_, err = Read(strings.NewReader(text))
		if cut := n > 0 && !whole; (err != nil) != cut {
			t.Fatalf("cut at %d, not allowed: %v", n, err)
		}
		if err != nil && !strings.Contains(err.Error(), "line 2 is no record (the file ends within this line") {
			t.Fatalf("cut at %d: %v", n, err)
		}
		// Going on, the file is as if it had never been cut.
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		got, err = Resume(f)
		if err != nil || len(got) != want {
			t.Fatalf("resume after a cut at %d: %d records, %v", n, len(got), err)
		}
		if !whole {
			if err := Write(f, b); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != first+second {
			t.Fatalf("after a cut at %d the file is %q, %v", n, now, err)
		}
	}
	// Zeros that a power failure leaves are a cut too.
	if got, err := Read(strings.NewReader(first+second[:30]+"\x00\x00\x00"), AllowCut); err != nil || len(got) != 1 {
		t.Errorf("zeros at the end: %v, %v", got, err)
	}
}

// TestReadRefuses: what is no cut is an error with its line, and Resume leaves such a file alone.
func TestReadRefuses(t *testing.T) {
	good := written(t, sample())
	for name, c := range map[string]struct{ text, want string }{
		"broken in the middle":  {good + good[:50] + "\n" + good, "line 2 "},
		"broken, with its end":  {good + "\n" + good[:50] + "\n", "line 3 "},
		"no results file":       {"hello", "line 1 "},
		"another file":          {"# title", "line 1 "},
		"whole, but not valid":  {good + `{"task":"mixed"}`, "split is"},
		"two records on a line": {strings.TrimSpace(good) + good, "line 1 "},
		"null":                  {"null", "line 1 "},
		"wrong type":            {good + `{"task":5`, "line 2 "},
	} {
		if name == "wrong type" {
			c.text += "}"
		}
		_, err := Read(strings.NewReader(c.text), AllowCut)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Resume(f); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: resume says %v", name, err)
		}
		f.Close()
		if now, _ := os.ReadFile(path); string(now) != c.text {
			t.Errorf("%s: resume changed the file to %q", name, now)
		}
	}
}

func TestKey(t *testing.T) {
	if got, want := sample().Key(), "mixed|A photo of two <cats> & a dog.|7|isac:typed+eta=0.05"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestValidate(t *testing.T) {
	if err := sample().Validate(); err != nil {
		t.Error(err)
	}
	bad := Record{Split: "all", Method: "a|b", Wanted: want("cat", 1, "cat", 0), Seconds: math.NaN(), Found: map[string][]detect.Detection{
		"d": {at("", 0, 0, 1, 1), at("cat", 0, 0, -1, 1), at("cat", math.Inf(1), 0, 1, 1)},
	}}
	err := bad.Validate()
	for _, part := range []string{"task is", "split is", "level is 0", "prompt is empty", `method is "a|b"`, `"cat" × 0`, "detection 0 of d: class is empty",
		"detection 1 of d: box", "swapped", "detection 2 of d: box", "not finite", "seconds are NaN"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
	for name, change := range map[string]func(*Record){
		"no detector": func(r *Record) { r.Found = nil }, "no wish": func(r *Record) { r.Wanted = nil }, "memory": func(r *Record) { r.PeakBytes = -1 },
		"score": func(r *Record) { r.Found["heatmap"][0].Score = 1.01 },
	} {
		r := sample()
		change(&r)
		if r.Validate() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// FuzzRead holds for any file: what is read can be written, and is read again as it was, rounded; a cut changes only the last line.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := Write(&b, sample()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:b.Len()/2])
	f.Add([]byte("{}\n\x00"))
	f.Add([]byte(`{"task":"single","split":"select","level":1,"prompt":"p","wanted":[{"class":"c","count":1}],"method":"m","found":{"d":null}}`))
	f.Add([]byte("[1e400]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		cut, cutErr := Read(bytes.NewReader(text), AllowCut)
		records, err := Read(bytes.NewReader(text))
		if err == nil && (cutErr != nil || len(cut) != len(records)) {
			t.Fatalf("%d records, with a cut allowed %d, %v", len(records), len(cut), cutErr)
		}
		if cutErr != nil {
			return
		}
		var out bytes.Buffer
		for _, r := range cut {
			if err := Write(&out, r); err != nil {
				t.Fatal(err)
			}
			Judge(r)
		}
		again, err := Read(&out)
		if err != nil || len(again) != len(cut) {
			t.Fatalf("%d records were written, %d read: %v", len(cut), len(again), err)
		}
		for i := range again {
			if again[i].Key() != cut[i].Key() || !reflect.DeepEqual(Judge(again[i]), Judge(cut[i].Round())) {
				t.Fatalf("wrote %+v, read %+v", cut[i], again[i])
			}
		}
	})
}
