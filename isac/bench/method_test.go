package bench

import (
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/guidance"
)

func TestParseMethod(t *testing.T) {
	for _, test := range []struct {
		text, canonical string
		change          func(*isac.Options) // of isac.Default; nil: plain sampling
	}{
		{"none", "none", nil},
		{" none ", "none", nil},
		{"isac", "isac", func(*isac.Options) {}},
		{"isac:paper", "isac:paper", func(o *isac.Options) { *o = isac.Paper() }},
		{"isac:typed+eta=0.05+end=0.3", "isac:typed+end=0.3+eta=0.05", func(o *isac.Options) { *o = isac.Typed(); o.Eta, o.End = 0.05, 0.3 }},
		{"isac+schedule=C+kmeans.restarts=2", "isac+kmeans.restarts=2+schedule=C", func(o *isac.Options) { o.Schedule, o.KMeans.Restarts = "C", 2 }},
		{"isac+eta=5e-3", "isac+eta=5e-3", func(o *isac.Options) { o.Eta = 0.005 }},
		{"isac+upsample_norm=false", "isac+upsample_norm=false", func(o *isac.Options) { o.UpsampleNorm = false }},
		{"random", "random", func(o *isac.Options) { o.Direction = guidance.DirectionRandom }},
		{"random:paper+eta=1", "random:paper+eta=1", func(o *isac.Options) { *o = isac.Paper(); o.Direction, o.Eta = guidance.DirectionRandom, 1 }},
	} {
		m, err := ParseMethod(test.text)
		if err != nil {
			t.Errorf("%q: %v", test.text, err)
			continue
		}
		if m.String() != test.canonical {
			t.Errorf("%q is called %q, expected %q", test.text, m, test.canonical)
		}
		if again, err := ParseMethod(m.String()); err != nil || !again.sameOptions(m) || again.String() != m.String() {
			t.Errorf("%q does not stand for itself: %v, %v", m, again, err)
		}
		if test.change == nil {
			if m.Guided() || m.Options() != nil {
				t.Errorf("%q is guided", test.text)
			}
			continue
		}
		want := isac.Default()
		test.change(&want)
		if got := m.Options(); got == nil || got.Method != guidance.Method(want) {
			t.Errorf("%q stands for %+v, expected %+v", test.text, got, want)
		}
	}
}

// TestParseSelections holds what the words for selection stand for.
func TestParseSelections(t *testing.T) {
	for text, change := range map[string]func(*isac.Selector){
		"isac-ls":                     func(*isac.Selector) {},
		"isac-ls:typed+candidates=4":  func(s *isac.Selector) { *s = isac.SelectTyped(); s.Candidates = 4 },
		"isac-ls-halving":             func(s *isac.Selector) { s.Halving, s.End = true, 0.5 },
		"isac-ls-halving+end=0.25":    func(s *isac.Selector) { s.Halving, s.End = true, 0.25 },
		"isac-ls+end=0.2+schedule=C":  func(s *isac.Selector) { s.End, s.Schedule = 0.2, "C" },
		"isac-ls-halving+keep=0.3333": func(s *isac.Selector) { s.Halving, s.End, s.Keep = true, 0.5, 0.3333 },
	} {
		want := isac.SelectPaper()
		change(&want)
		m, err := ParseMethod(text)
		if err != nil || m.Options().Method != guidance.Method(want) || m.String() != text {
			t.Errorf("%q is %q and stands for %+v, %v", text, m, m.Options(), err)
		}
	}
	for text, says := range map[string]string{"isac-ls+eta=0.1": "no option is called", "isac-ls:best": "best", "isac-ls+candidates=0": "candidates are 0"} {
		if _, err := ParseMethod(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestParseMethodRefuses(t *testing.T) {
	for text, says := range map[string][]string{
		"":                             {`"" is no method`, "isac, isac-ls, isac-ls-halving, random, none"},
		"ISAC":                         {`"ISAC" is no method`},
		"none:typed":                   {"plain sampling"},
		"none+eta=1":                   {"plain sampling"},
		"isac:":                        {"no preset after the colon", "typed"},
		"isac:best":                    {`"best"`, "typed"},
		"isac+eta":                     {`"eta"`, "key=value"},
		"isac+eta=":                    {"key=value"},
		"isac+":                        {"key=value"},
		"isac+eta=1+eta=2":             {`"eta" is given twice`},
		"isac+eta=1e+3":                {`"3"`, "without a plus sign"},
		"isac+direction=random":        {`"direction"`},
		"random+direction_seed=1":      {`"direction_seed"`},
		"isac+eta=-1":                  {"eta is -1"},
		"isac+etta=1+schedule=Z":       {`"etta"`, "schedule", `"Z"`}, // all at once
		"isac+eta=much+kmeans.warm=no": {"eta", "much", "kmeans.warm", "true or false"},
	} {
		_, err := ParseMethod(text)
		if err == nil {
			t.Errorf("%q is taken", text)
			continue
		}
		for _, want := range says {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("of %q it is not said %q: %v", text, want, err)
			}
		}
	}
}

func TestParseMethods(t *testing.T) {
	got := texts(parsed(t, "none", "isac+eta=1+end=1", "isac+end=1+eta=1", "none", "random"))
	if want := []string{"none", "isac+end=1+eta=1", "random"}; !slices.Equal(got, want) {
		t.Errorf("%q, expected %q", got, want)
	}
	_, err := ParseMethods([]string{"some", "none", "other"})
	if err == nil || !strings.Contains(err.Error(), "some") || !strings.Contains(err.Error(), "other") {
		t.Errorf("not both mistakes are told: %v", err)
	}
}

func TestAblate(t *testing.T) {
	for _, test := range []struct {
		name, base string
		want       []string
	}{
		{"schedule", "isac", []string{"none", "isac+schedule=A", "isac+schedule=B", "isac+schedule=C", "isac+schedule=D", "isac+schedule=E"}},
		{"overlap", "isac:typed", []string{"none", "isac:typed+overlap=mpo", "isac:typed+overlap=mae", "isac:typed+overlap=kl", "isac:typed+overlap=iou"}},
		{"cluster", "isac:paper+end=0.5", []string{"none", "isac:paper+clustering=kmeans+end=0.5", "isac:paper+clustering=spectral+end=0.5", "isac:paper+clustering=gmm+end=0.5"}},
		{"eta", "isac+eta=0.3", []string{"none", "isac+eta=5e-3", "isac+eta=1e-2", "isac+eta=2e-2", "isac+eta=5e-2", "isac+eta=1e-1"}},
		{"window", "isac", []string{"none", "isac+end=0.1+start=0", "isac+end=0.2+start=0.1", "isac+end=0.3+start=0.2", "isac+end=0.5+start=0.3", "isac+end=1+start=0.5"}},
	} {
		got, err := Ablate(test.name, test.base)
		if err != nil {
			t.Error(err)
		} else if !slices.Equal(texts(got), test.want) {
			t.Errorf("%s of %s is %q, expected %q", test.name, test.base, texts(got), test.want)
		}
	}
	if base := parsed(t, "isac+eta=0.3")[0]; base.Options().Common().Eta != 0.3 {
		t.Error("the base was changed")
	}
	for name, base := range map[string]string{"everything": "isac", "eta": "none", "overlap": "isac:worst"} {
		if _, err := Ablate(name, base); err == nil {
			t.Errorf("ablation %s of %s is taken", name, base)
		}
	}
}

// parsed parses methods that are right.
func parsed(t *testing.T, texts ...string) []Method {
	t.Helper()
	m, err := ParseMethods(texts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func texts(methods []Method) []string {
	var out []string
	for _, m := range methods {
		out = append(out, m.String())
	}
	return out
}
