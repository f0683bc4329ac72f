package explain

import (
	"testing"

	"github.com/isac-guidance/isac/isac/baseline"
)

// TestDrawnRows holds that rows of maps that a method does not make are left out, and that its losses have a name of their own.
func TestDrawnRows(t *testing.T) {
	p := loadMini(t)
	r := request()
	r.Method, r.Preset = baseline.Official(), "official"
	c, err := Sample(t.Context(), p, r)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	if names := c.losses(); len(names) != 1 || names[0] != baseline.LossAttend {
		t.Errorf("the losses are %v, want %q alone", names, baseline.LossAttend)
	}
	rows, err := overviewRows(c, [2][]*Step{{&c.Plain.Steps[0]}, {&c.Guided.Steps[0]}})
	if err != nil {
		t.Fatal(err)
	}
	var labels []string
	for _, row := range rows {
		labels = append(labels, row.label)
	}
	if want := 1 + len(c.Target.Classes); len(labels) != want {
		t.Errorf("the overview has the rows %q, want the preview and cross-attention of each class", labels)
	}
	if _, err := Write(t.Context(), t.TempDir(), c); err != nil {
		t.Error(err)
	}
}
