package config

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

func read(t *testing.T, text string) *Reader {
	t.Helper()
	var values map[string]any
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		t.Fatal(err)
	}
	return New("unet/config.json", values)
}

func TestSettings(t *testing.T) {
	r := read(t, `{"n": 8, "f": 0.5, "s": "silu", "b": true, "list": [5, 10], "some": [false, true], "none": null}`)
	if r.Int("n", 1) != 8 || r.Int("none", 1) != 1 || r.Int("absent", 2) != 2 {
		t.Error("whole numbers")
	}
	if r.Float("f", 1) != 0.5 || r.Float("n", 1) != 8 || r.Float("none", 3) != 3 {
		t.Error("numbers")
	}
	if r.String("s", "") != "silu" || r.String("none", "mish") != "mish" {
		t.Error("texts")
	}
	if !r.Bool("b", false) || !r.Bool("some", false) || r.Bool("none", false) {
		t.Error("true and false")
	}
	if !slices.Equal(r.Ints("list", 2), []int64{5, 10}) || !slices.Equal(r.Ints("n", 3), []int64{8, 8, 8}) || r.Ints("none", 2) != nil {
		t.Error("lists")
	}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
}

func TestNoFileGivesDefaults(t *testing.T) {
	r := New("x", nil)
	if r.Int("n", 4) != 4 || r.Ints("n", 2) != nil || r.String("s", "a") != "a" || r.Err() != nil {
		t.Error("a config that is not there does not give defaults")
	}
}

func TestMistakesAreReportedTogether(t *testing.T) {
	r := read(t, `{"n": 8.5, "f": "much", "s": 1, "b": "yes", "list": [5, 10], "mixed": [1, "2"]}`)
	if r.Int("n", 1) != 1 || r.Float("f", 2) != 2 || r.String("s", "a") != "a" || r.Bool("b", true) != true || r.Ints("list", 3) != nil || r.Ints("mixed", 2) != nil {
		t.Error("a setting that is wrong does not give its default")
	}
	r.Fail("s", weights.ErrUnsupported, "expected something else")
	err := r.Err()
	if !errors.Is(err, weights.ErrConfig) || !errors.Is(err, weights.ErrUnsupported) {
		t.Errorf("error %v", err)
	}
	for _, want := range []string{"unet/config.json: n is 8.5", "f is much", "s is 1", "b is yes", "list is [5 10], expected one whole number or 3", "mixed", "something else"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q\ndoes not have %q", err, want)
		}
	}
}
