package graph_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/graph"
)

// TestLimits: a number that its node would refuse later is refused at once, whatever notation it has; one that a link gives is not
// looked at.
func TestLimits(t *testing.T) {
	schemas, err := graph.ParseSchemas(map[string]json.RawMessage{
		"KSampler": json.RawMessage(`{"input":{"required":{"steps":["INT",{"min":1,"max":10000}],"denoise":["FLOAT",{"min":0.0,"max":1.0}]}},"output":["LATENT"],
			"output_node":true,"limits":[{"input":"steps","share":"denoise","max":1000,"why":"models have 1000 noise levels"}]}`),
		"Batch":  json.RawMessage(`{"input":{"required":{"size":["INT",{"min":1,"max":4096}]}},"output":["INT"],"output_node":true,"limits":[{"input":"size","max":64}]}`),
		"Number": json.RawMessage(`{"input":{"required":{"value":["INT",{}]}},"output":["INT","FLOAT"],"output_node":false}`),
		"Save":   json.RawMessage(`{"input":{"required":{"prefix":["STRING",{}]}},"output":["INT"],"output_node":true,"limits":[{"input":"prefix","file":true}]}`),
		"Odd":    json.RawMessage(`{"input":{"required":{"size":["INT",{}]}},"output":[],"output_node":true,"limits":[{"input":"gone","max":1},{"input":"size","share":"gone","max":1}]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	const source = `,"2":{"class_type":"Number","inputs":{"value":5000}}`
	for _, row := range []struct{ class, inputs, more, want string }{
		{"KSampler", `"steps":1000,"denoise":1`, "", ""},
		{"KSampler", `"steps":1001,"denoise":1`, "", "Value 1001 bigger than max of 1000: steps at denoise 1, as models have 1000 noise levels"},
		{"KSampler", `"steps":5000,"denoise":1.0`, "", "Value 5000 bigger than max of 1000"},
		{"KSampler", `"steps":"5000","denoise":"1"`, "", "Value 5000 bigger than max of 1000"},
		{"KSampler", `"steps":5000.9,"denoise":true`, "", "Value 5000 bigger than max of 1000"},
		{"KSampler", `"steps":{"__value__":5000},"denoise":1`, "", "Value 5000 bigger than max of 1000"},
		{"KSampler", `"steps":250,"denoise":0.25`, "", ""},
		{"KSampler", `"steps":251,"denoise":0.25`, "", "Value 251 bigger than max of 250: steps at denoise 0.25"},
		{"KSampler", `"steps":1000,"denoise":0.99999`, "", ""},
		{"KSampler", `"steps":1,"denoise":0.0001`, "", "bigger than max of 0"},
		{"KSampler", `"steps":5000,"denoise":0`, "", ""}, // nothing is sampled
		{"KSampler", `"steps":10001,"denoise":1`, "", "Value 10001 bigger than max of 10000: steps"},
		{"KSampler", `"steps":5000`, "", "Required input is missing: denoise"},
		{"KSampler", `"steps":["2",0],"denoise":1`, source, ""},
		{"KSampler", `"steps":5000,"denoise":["2",1]`, source, ""},
		{"Batch", `"size":64`, "", ""},
		{"Batch", `"size":65`, "", "Value 65 bigger than max of 64: size"},
		{"Odd", `"size":65`, "", ""},
		{"Save", `"prefix":"%date:yyyy-MM-dd%/%KSampler.seed%"`, "", ""},
		{"Save", `"prefix":"../x"`, "", `prefix - filename_prefix "../x": expected a path within the output folder`},
	} {
		report := graph.Validate(parse(t, `{"1":{"class_type":"`+row.class+`","inputs":{`+row.inputs+`}}`+row.more+`}`), schemas)
		text := ""
		if err := report.Err(); err != nil {
			text = err.Error()
		}
		if row.want == "" && text != "" || !strings.Contains(text, row.want) {
			t.Errorf("%s %s: %q, want %q", row.class, row.inputs, text, row.want)
		}
		if strings.Count(text, "bigger than") > 1 {
			t.Errorf("%s %s is said twice: %s", row.class, row.inputs, text)
		}
	}
}
