package guidance

import (
	"os"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/torch"
)

// ReadOnceEnv is the environment variable by which a step reads from the device once, where its method can (Deferrer), with 1, and as it goes
// along with 0. Else it reads once where that saves waiting, on a GPU.
const ReadOnceEnv = "ISAC_READ_ONCE"

// mostMisses are the steps of a run that are evaluated a second time, because something else was so than what had been supposed; from then on nothing is
// supposed any more.
const mostMisses = 2

// defers tells whether a look leaves to be read at the end of the step what the method could read before.
func (s *Session) defers(at torch.Tensor, how glance) bool {
	if !how.move || s.sure || s.misses >= mostMisses {
		return false
	}
	switch os.Getenv(ReadOnceEnv) {
	case "0":
		return false
	case "1":
		return true
	}
	return at.Device() != torch.CPU
}

// postpone has the method measure without reading, if it can.
func (s *Session) postpone(seen *look, r attention.Reading, step Step, maps *Maps) (done bool, err error) {
	d, is := s.guide.(Deferrer)
	if !is {
		return false, nil
	}
	terms, rest, ok, err := d.Defer(r, step, maps)
	if err != nil || !ok {
		return false, err
	}
	seen.Terms, seen.rest = terms, &rest
	seen.unread = torch.Cat([]torch.Tensor{valuesOf(terms), rest.Values}, 0)
	return true, nil
}
