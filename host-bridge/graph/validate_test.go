package graph_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/graph"
)

// samplingEntries are shaped as ComfyUI's own nodes are.
var samplingEntries = map[string]json.RawMessage{
	"Loader": json.RawMessage(`{"input":{"required":{"ckpt_name":[["mini","other's"]]}},"output":["MODEL","CLIP","VAE"],"output_node":false}`),
	"Sampler": json.RawMessage(`{"input":{"required":{
		"model":["MODEL",{}],
		"seed":["INT",{"default":0,"min":0,"max":18446744073709551615}],
		"cfg":["FLOAT",{"default":8.0,"min":0.0,"max":100.0}],
		"sampler":["COMBO",{"options":["euler","ddim"]}]},
		"optional":{"text":["STRING",{}],"flag":["BOOLEAN",{}],"many":["COMBO",{"options":[1,2.5,"x"],"multiselect":true}],
		"remote":["COMBO",{"remote":{"route":"/x"}}],"long":[["a1","a2","a3","a4","a5","a6","a7","a8","a9","a10","a11","a12","a13","a14","a15","a16","a17","a18","a19","a20","a21"],{}]}},
		"input_order":{"required":["model","seed","cfg","sampler"],"optional":["text","flag","many","remote","long"]},
		"output":["LATENT"],"output_node":false}`),
	"Save":    json.RawMessage(`{"input":{"required":{"images":["LATENT,IMAGE",{}]}},"output":[],"output_node":true}`),
	"Through": json.RawMessage(`{"input":{"required":{"any":["*",{}]}},"output":["*"],"output_node":false}`),
}

func samplingSchemas(t testing.TB) graph.Schemas {
	t.Helper()
	schemas, err := graph.ParseSchemas(samplingEntries)
	if err != nil {
		t.Fatal(err)
	}
	return schemas
}

// sampling is a good workflow whose sampler has the given inputs beside its model; "-name" leaves one out.
func sampling(changes ...string) string {
	inputs := map[string]string{"model": `["4",0]`, "seed": "7", "cfg": "5", "sampler": `"euler"`}
	for _, change := range changes {
		name, value, _ := strings.Cut(change, "=")
		if left, ok := strings.CutPrefix(name, "-"); ok {
			delete(inputs, left)
		} else {
			inputs[name] = value
		}
	}
	var members []string
	for name, value := range inputs {
		members = append(members, fmt.Sprintf("%q: %s", name, value))
	}
	return `{"9":{"class_type":"Save","inputs":{"images":["3",0]}},
		"3":{"class_type":"Sampler","inputs":{` + strings.Join(members, ",") + `},"_meta":{"title":"my sampler"}},
		"4":{"class_type":"Loader","inputs":{"ckpt_name":"mini"}}}`
}

func TestGoodWorkflows(t *testing.T) {
	for name, workflow := range map[string]string{
		"plain":                      sampling(),
		"converted as Python does":   sampling(`seed="12"`, `cfg=true`, `text=1.50`, `flag="false"`),
		"choice equal in Python":     sampling(`many=true`),
		"several choices":            sampling(`many={"__value__":[1.0,2.5]}`),
		"remote choices":             sampling(`remote="anything"`),
		"largest seed":               sampling(`seed=18446744073709551615`),
		"extra inputs are ignored":   sampling(`sede=["nowhere",9]`, `more="x"`),
		"unreachable nodes":          strings.Replace(sampling(), `{"9"`, `{"77":{"class_type":"Sampler","inputs":{}},"9"`, 1),
		"any type goes with any":     strings.Replace(sampling(`model=["5",0]`), `{"9"`, `{"5":{"class_type":"Through","inputs":{"any":["4",2]}},"9"`, 1),
		"node without inputs member": strings.Replace(sampling(), `{"9"`, `{"5":{"class_type":"Through"},"9"`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			report := graph.Validate(parse(t, workflow), samplingSchemas(t))
			if err := report.Err(); err != nil {
				t.Error(err)
			}
			if got := strings.Join(report.Outputs, " "); got != "9" {
				t.Errorf("outputs are %q", got)
			}
		})
	}
}

func TestConvertedValues(t *testing.T) {
	w := parse(t, sampling(`seed="+1_2"`, `cfg="1e1"`, `text=1e3`, `flag="false"`, `many={"__value__":["x"]}`))
	plan, err := graph.Validate(w, samplingSchemas(t)).Plan()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	for _, task := range plan.Tasks {
		if task.Node.ID == "3" {
			got = task.Values
		}
	}
	want := map[string]any{"model": graph.Link{Node: "4", Slot: 0}, "seed": json.Number("12"), "cfg": json.Number("10"),
		"sampler": "euler", "text": "1000.0", "flag": true, "many": []any{"x"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}
	if n, _ := w.Node("3"); n.Inputs[0].Value == nil {
		t.Error("the workflow was changed")
	}
}

// TestAllMistakesAtOnce: what ComfyUI reports one after the other comes in one report, in the order of the workflow.
func TestAllMistakesAtOnce(t *testing.T) {
	w := parse(t, `{
		"9":{"class_type":"Save","inputs":{"images":["3",0]}},
		"10":{"class_type":"Save","inputs":{"images":["12",0]}},
		"11":{"class_type":"Save","inputs":{}},
		"3":{"class_type":"Sampler","inputs":{"model":["12",0],"seed":-5,"cfg":"a","sampler":"b"},"_meta":{"title":"first"}},
		"12":{"class_type":"Sampler","inputs":{"model":["4",2],"seed":[],"cfg":101,"sampler":"ddim"}},
		"4":{"class_type":"Loader","inputs":{"ckpt_name":"none"}},
		"20":{"class_type":"Nobody","inputs":{}},
		"21":{"inputs":{}}}`)
	report := graph.Validate(w, samplingSchemas(t))
	want := []string{
		"Node 'Nobody' not found. The custom node may not be installed. (Node ID '#20')",
		"Node 'ID #21' has no class_type. The workflow may be corrupted or a custom node is missing. (Node ID '#21')",
		"node 11 (Save): Required input is missing: images",
		`node 3 (Sampler, "first"): Return type mismatch between linked nodes: model, received_type(LATENT) mismatch input_type(MODEL)`,
		`node 3 (Sampler, "first"): Value -5 smaller than min of 0: seed`,
		`node 3 (Sampler, "first"): Failed to convert an input value to a FLOAT value: cfg, a, could not convert string to float: 'a'`,
		`node 3 (Sampler, "first"): Value not in list: sampler: 'b' not in ['euler', 'ddim']`,
		"node 12 (Sampler): Return type mismatch between linked nodes: model, received_type(VAE) mismatch input_type(MODEL)",
		"node 12 (Sampler): Bad linked input, must be a length-2 list of [node_id, slot_index]: seed",
		"node 12 (Sampler): Value 101.0 bigger than max of 100.0: cfg",
		`node 4 (Loader): Value not in list: ckpt_name: 'none' not in ['mini', "other's"]`,
	}
	if got := report.Lines(); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if text := report.Err().Error(); !strings.HasPrefix(text, "the workflow has 11 mistakes:\n  Node 'Nobody'") {
		t.Errorf("the error says %q", text)
	}
	var members map[string]struct {
		Outputs []string `json:"dependent_outputs"`
		Class   string   `json:"class_type"`
		Errors  []graph.Mistake
	}
	if err := json.Unmarshal(report.NodeErrors(), &members); err != nil {
		t.Fatal(err)
	}
	if got := members["4"]; !reflect.DeepEqual(got.Outputs, []string{"9", "10"}) || got.Class != "Loader" || len(got.Errors) != 1 {
		t.Errorf("node_errors of 4 are %+v", got)
	}
	if _, listed := members["9"]; listed {
		t.Error("node 9 is listed, and only its ancestors have mistakes")
	}
}

func TestGoodOutputsRunBesideBadOnes(t *testing.T) {
	text := strings.Replace(sampling(), `{"9"`, `{"8":{"class_type":"Save","inputs":{"images":["99",0]}},"9"`, 1)
	report := graph.Validate(parse(t, text), samplingSchemas(t))
	if report.Error != nil || report.Clean() || report.Err() == nil {
		t.Fatalf("report is %+v", report)
	}
	plan, err := report.Plan()
	if err != nil {
		t.Fatal(err)
	}
	if got := order(plan); got != "4 3 9" {
		t.Errorf("order is %q", got)
	}
	report = graph.Validate(parse(t, text), samplingSchemas(t), "9")
	if !report.Clean() {
		t.Errorf("with the target 9 alone the report is %q", report.Lines())
	}
	if report = graph.Validate(parse(t, text), samplingSchemas(t), "4"); report.Error == nil || report.Error.Type != graph.TypeNoOutputs {
		t.Errorf("a target that is no output gives %+v", report.Error)
	}
}

func TestKnotOfCycles(t *testing.T) {
	const text = `{"9":{"class_type":"Save","inputs":{"images":["1",0]}},
		"1":{"class_type":"Pair","inputs":{"a":["2",0],"b":["3",0]}},
		"2":{"class_type":"Through","inputs":{"any":["1",0]}},
		"3":{"class_type":"Through","inputs":{"any":["4",0]}},
		"4":{"class_type":"Through","inputs":{"any":["1",0]}}}`
	schemas := samplingSchemas(t)
	pair, err := graph.ParseSchemas(map[string]json.RawMessage{"Pair": json.RawMessage(`{"input":{"required":{"a":["*"],"b":["*"]}},"output":["*"]}`)})
	if err != nil {
		t.Fatal(err)
	}
	schemas["Pair"] = pair["Pair"]
	report := graph.Validate(parse(t, text), schemas)
	for id, want := range map[string]int{"1": 2, "2": 1, "3": 1, "4": 1} {
		for _, n := range report.Nodes {
			if n.ID == id && len(n.Mistakes) != want {
				t.Errorf("node %s has %d mistakes, want %d", id, len(n.Mistakes), want)
			}
		}
	}
	if len(report.Nodes) != 4 {
		t.Errorf("%d nodes have mistakes", len(report.Nodes))
	}
	var got []string
	for _, line := range report.Lines() {
		got = append(got, strings.Replace(line, "Dependency cycle detected: ", "", 1))
	}
	want := []string{
		"node 1 (Pair): 1 (Pair) -> 2 (Through) -> 1 (Pair)",
		"node 1 (Pair): 3 (Through) -> 4 (Through) -> 1 (Pair) -> 3 (Through)",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
