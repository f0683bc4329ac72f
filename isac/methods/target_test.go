package methods

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/prompt"
)

func TestTargetFromPrompt(t *testing.T) {
	text := "two red apples, a dog and one green apple"
	// One token a word, behind the beginning of text.
	spans := [][2]int{{}}
	at := 0
	for _, w := range strings.Fields(text) {
		i := at + strings.Index(text[at:], w)
		spans = append(spans, [2]int{i, i + len(strings.TrimSuffix(w, ","))})
		at = i + len(w)
	}
	spans = append(spans, [2]int{}, [2]int{})
	got, err := TargetFromPrompt(prompt.Parse(text), spans)
	want := guidance.Target{Classes: []guidance.Class{{Name: "apple", Count: 3, Tokens: []int{3, 9}}, {Name: "dog", Count: 1, Tokens: []int{5}}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("target %+v, %v, want %+v", got, err, want)
	}
	// What the model does not read is left out, with its count, and told.
	cut, left, err := Aim(prompt.Parse(text), spans[:6])
	want = guidance.Target{Classes: []guidance.Class{{Name: "apple", Count: 2, Tokens: []int{3}}, {Name: "dog", Count: 1, Tokens: []int{5}}}}
	if err != nil || !reflect.DeepEqual(cut, want) || len(left) != 1 || !strings.Contains(left[0], `"apple" at bytes 36-41`) {
		t.Errorf("of a cut prompt %+v, %q, %v, want %+v and a note on the last apple", cut, left, err, want)
	}
	none, left, err := Aim(prompt.Parse(text), spans[:2])
	if err != nil || len(none.Classes) != 0 || none.Reason == "" || len(left) != 3 || none.Validate() != nil {
		t.Errorf("of a prompt that is not read %+v, %q, %v, want a reason and no class", none, left, err)
	}
	if _, err := TargetFromPrompt(prompt.Parse(text), spans[:6]); err == nil || !strings.Contains(err.Error(), `"apple"`) {
		t.Errorf("a cut prompt gives %v, want an error that names the class", err)
	}
	twice, err := prompt.ParseCounts("apple=1, apples=2", text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := TargetFromPrompt(twice, spans); err == nil || !strings.Contains(err.Error(), "belongs to apple already") {
		t.Errorf("two classes of one word give %v", err)
	}
	if _, err := TargetFromPrompt(prompt.Parse("a nice day"), spans); !errors.Is(err, prompt.ErrNoClass) {
		t.Errorf("a prompt without a class gives %v, want ErrNoClass", err)
	}
}
