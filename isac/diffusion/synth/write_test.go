package synth

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

func TestMistakesOfOptionsAreReportedTogether(t *testing.T) {
	there := filepath.Join(t.TempDir(), "there")
	if err := os.WriteFile(there, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Write(there, Options{Kind: "sd4", Layout: "zip", DType: weights.I8})
	for _, want := range []string{`"sd4"`, "sd1, sd2, sd2-v, sdxl, sd3, sd3-medium", `"zip"`, `"I8"`, there + ": file already exists"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v\ndoes not have %q", err, want)
		}
	}
	good := Options{Kind: "sd1", Small: true, Layout: family.Diffusers, DType: weights.F16}
	if _, err := Write(there, good); !errors.Is(err, fs.ErrExist) {
		t.Errorf("what is there: %v", err)
	}
	if _, err := Write(filepath.Join(there, "under", "x"), good); err == nil {
		t.Error("a folder that is not there is no mistake")
	}
	if _, err := Write(filepath.Join(there, "x"), good); err == nil || !strings.Contains(err.Error(), "is not a folder") {
		t.Errorf("a file as folder: %v", err)
	}
	if left, _ := os.ReadDir(filepath.Dir(there)); len(left) != 1 {
		t.Errorf("%d files are left, want 1", len(left))
	}
}

func TestTooLittleSpace(t *testing.T) {
	if err := fits("/models", 7<<30, 8<<30); err != nil {
		t.Error(err)
	}
	err := fits("/models", 7<<30, 7<<30)
	if !errors.Is(err, ErrSpace) || !strings.Contains(err.Error(), "takes 7.0 GiB and the disk of /models has 7.0 GiB free") {
		t.Errorf("got %v", err)
	}
	if err := enough(t.TempDir(), 1<<60); !errors.Is(err, ErrSpace) {
		t.Errorf("an exbibyte: %v", err)
	}
}

func TestSameSeedSameBytes(t *testing.T) {
	dir := t.TempDir()
	o := Options{Kind: "sd3", Small: true, Layout: family.SingleFile, DType: weights.BF16, Seed: 5}
	var files [][]byte
	for i, name := range []string{"a", "b", "c"} {
		if o.Seed = 5; i == 2 {
			o.Seed = 6
		}
		w, err := Write(filepath.Join(dir, name), o)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(w.Path)
		if err != nil {
			t.Fatal(err)
		}
		if w.Bytes != int64(len(data)) || w.Tensors == 0 || w.Bytes > 20<<20 {
			t.Errorf("%+v of a file of %d bytes", w, len(data))
		}
		files = append(files, data)
	}
	if !bytes.Equal(files[0], files[1]) || bytes.Equal(files[0], files[2]) {
		t.Error("one seed has to give the same bytes, another one others")
	}
}

// TestParametersOfPublishedModels compares full sizes with the counts that diffusers' and transformers' own classes give.
func TestParametersOfPublishedModels(t *testing.T) {
	for name, want := range map[string]int64{
		"sd1": 859520964 + 83653863 + 123060480, "sdxl": 2567463684 + 83653863 + 123060480 + 694659840 + 1, // and logit_scale
	} {
		p, err := newPlan(Options{Kind: name, Layout: family.SingleFile, DType: weights.F16})
		if err != nil {
			t.Fatal(err)
		}
		if _, got := p.count(); got != want {
			t.Errorf("%s has %d parameters, want %d", name, got, want)
		}
	}
}
