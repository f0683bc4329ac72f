package guidance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/plugin"
)

// mistakes are all that is wrong with a request.
type mistakes struct{ fields, texts []string }

// add notes what is wrong with a field.
func (m *mistakes) add(field, format string, args ...any) {
	if !slices.Contains(m.fields, field) {
		m.fields = append(m.fields, field)
	}
	m.texts = append(m.texts, field+": "+fmt.Sprintf(format, args...))
}

// check notes an error, if there is one.
func (m *mistakes) check(field string, err error) {
	if err != nil {
		m.add(field, "%v", err)
	}
}

// err is nil where there are none.
func (m *mistakes) err() error {
	if len(m.texts) == 0 {
		return nil
	}
	return &plugin.Error{Kind: plugin.KindInvalidInput, Message: strings.Join(m.texts, "; "), Inputs: m.fields}
}
