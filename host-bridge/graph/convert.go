package graph

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/isac-guidance/isac/plugin/pyvalue"
)

// convert turns a constant into what its input's type asks for, by the rules of Python's int, float, str and bool.
// Values of other types stay as they are. The Go types are those of encoding/json with json.Number.
func convert(v any, inputType string) (any, error) {
	switch inputType {
	case "INT":
		n, err := pyvalue.Int(v)
		if err != nil {
			return nil, err
		}
		return json.Number(n.String()), nil
	case "FLOAT":
		f, err := pyvalue.Float(v)
		if err != nil {
			return nil, err
		}
		if math.IsInf(f, 0) || math.IsNaN(f) {
			// Python goes on with it; here the value has to travel as JSON, and no node can use it.
			return nil, fmt.Errorf("%s is no finite number", pyvalue.FormatFloat(f))
		}
		return floatLiteral(f), nil
	case "STRING":
		return pyvalue.Str(v), nil
	case "BOOLEAN":
		return pyvalue.Bool(v), nil
	}
	return v, nil
}

func floatLiteral(f float64) json.Number {
	text, err := json.Marshal(f)
	if err != nil { // the caller has seen to it that f is finite
		panic(err)
	}
	return json.Number(text)
}
