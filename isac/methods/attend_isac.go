package methods

import (
	"errors"
	"fmt"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/baseline"
	"github.com/isac-guidance/isac/isac/guidance"
)

// AttendISAC is Attend-and-Excite followed by ISAC at each step: a loss of presence, which asks for classes that are not there, before
// one of overlap, to which they are nothing. Windows beside each other have the one follow the other over the run.
type AttendISAC struct {
	Attend baseline.AttendExcite `json:"attend"`
	ISAC   isac.Options          `json:"isac"`
}

var _ guidance.Sequence = AttendISAC{}

// attendISAC has the official options of the one, and of the other both its losses.
func attendISAC() AttendISAC { return AttendISAC{baseline.Official(), isac.Typed()} }

// Name is "attend_isac".
func (AttendISAC) Name() string { return "attend_isac" }

// Common are the options of the first of the two.
func (o AttendISAC) Common() guidance.Options { return o.Attend.Common() }

// Methods are the two.
func (o AttendISAC) Methods() []guidance.Method { return []guidance.Method{o.Attend, o.ISAC} }

// Streams tells whether both go without gradients of whole self-attention maps. Attend-and-Excite reads none.
func (o AttendISAC) Streams() bool { return o.ISAC.Streams() }

// Begin fails: a session makes a guide of each.
func (AttendISAC) Begin(guidance.Target) (guidance.Guide, error) {
	return nil, errors.New("attend_isac: two methods have no guide in common: open a session")
}

// Validate reports every option that is out of range, all at once.
func (o AttendISAC) Validate() error {
	var errs []error
	for _, m := range o.Methods() {
		errs = append(errs, m.Validate())
		if reuse := m.Common().Reuse; reuse.On() {
			errs = append(errs, fmt.Errorf("%s: reuse is %s, and another method moves the latent at the same step: set reuse to none", m.Name(), reuse))
		}
	}
	return errors.Join(errs...)
}
