package schema

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// FuzzDecode feeds any JSON object as a request: it is decoded or refused with reasons, and never half decoded.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"seed":18446744073709551615,"steps":"12","offset":-1e3,"cfg":true,"text":1.5,"mode":"soft","file":"a.bin","on":"false"}`,
		`{"seed":1e999,"steps":{"__value__":[1]},"offset":null,"cfg":"nan","text":[],"mode":{},"file":1,"on":[[]]}`,
		`{"lamp":{"__value__":{"__value__":1}},"seed":-0,"cfg":"1_0","note":null,"extra":0,"ratio":{"__value__":2}}`,
	} {
		f.Add(seed)
	}
	s := Of[everything]()
	f.Fuzz(func(t *testing.T, doc string) {
		d := json.NewDecoder(strings.NewReader(doc))
		d.UseNumber()
		var inputs map[string]any
		if d.Decode(&inputs) != nil || inputs == nil {
			t.Skip()
		}
		if _, given := inputs["lamp"]; !given {
			inputs["lamp"] = &lamp{}
		}
		var got everything
		err := s.Decode(inputs, files, &got)
		if err == nil {
			if got.Steps < 1 || got.Steps > 10000 || !(got.CFG >= 0 && got.CFG <= 100) || (got.Mode != "soft" && got.Mode != "hard") || got.Lamp == nil {
				t.Fatalf("accepted %+v from %s", got, doc)
			}
			return
		}
		var mistakes Mistakes
		if !errors.As(err, &mistakes) || len(mistakes) == 0 || got != (everything{}) {
			t.Fatalf("error %v left %+v: want mistakes and nothing decoded", err, got)
		}
	})
}
