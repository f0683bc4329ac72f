package methods

import (
	"reflect"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/guidance"
)

// TestAttendISAC holds that options of both methods are set by the names of both, and that mistakes in both are reported.
func TestAttendISAC(t *testing.T) {
	m, err := guidance.With(guidance.Method(attendISAC()), map[string]string{"attend.end": "0.25", "isac.kmeans.seed": "3", "isac.start": "0.25"})
	if err != nil {
		t.Fatal(err)
	}
	want := attendISAC()
	want.Attend.End, want.ISAC.Start, want.ISAC.KMeans.Seed = 0.25, 0.25, 3
	if !reflect.DeepEqual(m, guidance.Method(want)) {
		t.Errorf("got %+v, want %+v", m, want)
	}
	_, err = guidance.With(m, map[string]string{"attend.eta": "0", "isac.depth": "2", "isac.reuse": "shared", "eta": "1"})
	for _, mistake := range []string{"attend_excite: step size eta is 0", "isac: depth is 2", "isac: reuse is shared, and another method", `no option is called "eta"`} {
		if err == nil || !strings.Contains(err.Error(), mistake) {
			t.Errorf("%v, want an error with %q", err, mistake)
		}
	}
}
