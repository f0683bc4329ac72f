package bench

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/baseline"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestAttendExcite makes pictures with a method that has a loss of its own, keeps them and reports them.
func TestAttendExcite(t *testing.T) {
	torchtest.Require(t)
	p := planOf(t, miniRequest(t, "none", "isac", "ae+eta=2+tries=3"))
	f := all(t, p)
	records := recordsOf(t, f)
	if len(records) != 6 {
		t.Fatalf("%d records, expected two pictures of each of three methods", len(records))
	}
	for _, r := range records {
		if !strings.HasPrefix(r.Method, "ae") {
			continue
		}
		if r.Options == nil || r.Options.Name() != "attend_excite" || r.Options.Common().Eta != 2 {
			t.Errorf("%s has the options %+v", r.Key(), r.Options)
		}
		if len(r.Losses) != 2 { // the first half of four steps
			t.Fatalf("%s has losses of %d steps, expected 2", r.Key(), len(r.Losses))
		}
		for _, l := range r.Losses {
			if l.Skipped != "" || l.Loss <= 0 || l.Loss > 1 || l.Instance != 0 || l.Class != 0 || l.Moved <= 0 || l.Overlap() {
				t.Errorf("%s: step %+v", r.Key(), l)
			}
		}
	}
	to := t.TempDir()
	if _, err := Report([]*Folder{f}, to, nil); err != nil {
		t.Fatal(err)
	}
	if text := readText(t, filepath.Join(to, "table.md")); !strings.Contains(text, "ae+eta=2+tries=3") {
		t.Errorf("the table does not have the method:\n%s", text)
	}
}

func TestParseAttendExcite(t *testing.T) {
	for text, change := range map[string]func(*baseline.AttendExcite){
		"ae":              func(*baseline.AttendExcite) {},
		"ae:official":     func(*baseline.AttendExcite) {},
		"ae:paper":        func(o *baseline.AttendExcite) { *o = baseline.AttendPaper() },
		"ae+eta=10":       func(o *baseline.AttendExcite) { o.Eta = 10 },
		"ae+refine=false": func(o *baseline.AttendExcite) { o.Refine = false },
		"ae:paper+threshold.first=0.1+tries=5": func(o *baseline.AttendExcite) {
			*o = baseline.AttendPaper()
			o.Threshold.First, o.Tries = 0.1, 5
		},
	} {
		want := baseline.Official()
		change(&want)
		if m, err := ParseMethod(text); err != nil || m.String() != text || m.Options().Method != guidance.Method(want) {
			t.Errorf("%q is called %q and stands for %+v, %v, expected %+v", text, m, m.Options(), err, want)
		}
	}
	for text, says := range map[string]string{"ae:typed": "official or paper", "ae+schedule=C": `no option is called "schedule"`} {
		if _, err := ParseMethod(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error %v, expected one that says %q", text, err, says)
		}
	}
}
