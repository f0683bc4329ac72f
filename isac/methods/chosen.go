package methods

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/isac-guidance/isac/isac/guidance"
)

// Chosen is a method with its options as files keep it: the object of its options. Its member "method" names it, and is left out
// of ISAC's own, which were the first that files kept.
type Chosen struct{ guidance.Method }

// unnamed is the method whose options files keep without its name.
const unnamed = "isac"

// MarshalJSON gives the options.
func (c Chosen) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(c.Method)
	if err != nil || c.Name() == unnamed {
		return text, err
	}
	return append(fmt.Appendf(nil, `{"method":%q,`, c.Name()), text[1:]...), nil
}

// UnmarshalJSON reads options. Those that the text does not have are zero: files older than an option have it off.
func (c *Chosen) UnmarshalJSON(text []byte) error {
	of := struct {
		Method string `json:"method"`
	}{unnamed}
	if err := json.Unmarshal(text, &of); err != nil {
		return err
	}
	entry, err := Find(of.Method)
	if err != nil {
		return err
	}
	options := reflect.New(reflect.TypeOf(entry.Presets[0].Method))
	if err := json.Unmarshal(text, options.Interface()); err != nil {
		return fmt.Errorf("options of %s: %w", of.Method, err)
	}
	c.Method = options.Elem().Interface().(guidance.Method)
	return nil
}

// Control tells whether the method goes in random directions.
func (c Chosen) Control() bool { return c.Common().Direction == guidance.DirectionRandom }
