package methods

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/baseline"
	"github.com/isac-guidance/isac/isac/guidance"
)

// TestNamed holds which options are behind each name; the recommended ones where no preset is named.
func TestNamed(t *testing.T) {
	for name, want := range map[[2]string]guidance.Method{
		{"isac", ""}: isac.Classes(), {"isac", "default"}: isac.Classes(), {"isac", "Typed"}: isac.Typed(), {"isac", "paper"}: isac.Paper(),
		{"attend_excite", ""}: baseline.Official(), {"attend_excite", "official"}: baseline.Official(), {"attend_excite", "PAPER"}: baseline.AttendPaper(),
		{"attend_isac", ""}: AttendISAC{baseline.Official(), isac.Typed()},
		{"isac_ls", ""}:     isac.SelectPaper(), {"isac_ls", "typed"}: isac.SelectTyped(),
	} {
		if got, err := Named(name[0], name[1]); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
	}
	for name, want := range map[[2]string]string{
		{"clip", ""}: `no method is called "clip": use isac or attend_excite or isac_ls`, {"isac", "official"}: `no preset is called "official": use classes or typed or paper`,
	} {
		if _, err := Named(name[0], name[1]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error that says %q", name, err, want)
		}
	}
}

// TestChosenInFiles holds that options come back from a file as they were, that other methods than ISAC are named in it, and that
// options which a file does not have are off.
func TestChosenInFiles(t *testing.T) {
	for _, entry := range slices.Concat(All(), sequences) {
		for _, p := range entry.Presets {
			text, err := json.Marshal(Chosen{p.Method})
			if err != nil {
				t.Fatal(err)
			}
			var members map[string]any
			if err := json.Unmarshal(text, &members); err != nil {
				t.Fatal(err)
			}
			if name, named := members["method"]; named != (entry.Name != "isac") || named && name != entry.Name {
				t.Errorf("%s is named %v in its file", entry.Name, name)
			}
			var back Chosen
			if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back.Method, p.Method) {
				t.Errorf("%s, %s: %+v came back, %v", entry.Name, p.Name, back.Method, err)
			}
		}
	}
	var old Chosen
	want := isac.Options{Options: guidance.Options{Eta: 0.5}}
	if err := json.Unmarshal([]byte(`{"eta":0.5}`), &old); err != nil || !reflect.DeepEqual(old.Method, want) {
		t.Errorf("a file of one option gives %+v, %v", old.Method, err)
	}
	if err := json.Unmarshal([]byte(`{"method":"clip"}`), &old); err == nil || !strings.Contains(err.Error(), "no method is called") {
		t.Errorf("a file of an unknown method gives %v", err)
	}
}

// TestGuiding holds that a method which only chooses is not among those that move latents.
func TestGuiding(t *testing.T) {
	if names := NamesOf(Guiding()); !reflect.DeepEqual(names, []string{"isac", "attend_excite"}) {
		t.Errorf("%v guide", names)
	}
}

// TestControl holds which options are a control.
func TestControl(t *testing.T) {
	o := isac.Typed()
	if (Chosen{o}).Control() {
		t.Error("typed is a control")
	}
	if o.Direction = guidance.DirectionRandom; !(Chosen{o}).Control() {
		t.Error("random directions are none")
	}
}
