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

// TestEveryErrorType has a row for each error type of ComfyUI's validation; no_prompt and invalid_prompt are Parse's.
func TestEveryErrorType(t *testing.T) {
	const seed = `["INT",{"default":0,"max":18446744073709551615,"min":0}]`
	const cfg = `["FLOAT",{"default":8.0,"max":100.0,"min":0.0}]`
	const combo = `["COMBO",{"options":["euler","ddim"]}]`
	tests := []struct {
		name, workflow string
		// top is the error of the whole workflow, node the id that has the mistake.
		top, node string
		want      graph.Mistake
		extra     string
	}{
		{"missing_node_type", strings.Replace(sampling(), `"Loader"`, `"Lorder"`, 1), graph.TypeMissingNodeType, "",
			graph.Mistake{Type: "missing_node_type", Message: "Node 'Lorder' not found. The custom node may not be installed.", Details: "Node ID '#4'"},
			`{"class_type":"Lorder","node_id":"4","node_title":"Lorder"}`},
		{"missing_node_type with a title", strings.Replace(sampling(), `"Sampler"`, `"Simpler"`, 1), graph.TypeMissingNodeType, "",
			graph.Mistake{Type: "missing_node_type", Message: "Node 'my sampler' not found. The custom node may not be installed.", Details: "Node ID '#3'"},
			`{"class_type":"Simpler","node_id":"3","node_title":"my sampler"}`},
		{"missing_node_type without class_type", strings.Replace(sampling(), `"class_type":"Loader",`, ``, 1), graph.TypeMissingNodeType, "",
			graph.Mistake{Type: "missing_node_type", Message: "Node 'ID #4' has no class_type. The workflow may be corrupted or a custom node is missing.", Details: "Node ID '#4'"},
			`{"class_type":null,"node_id":"4","node_title":null}`},
		{"prompt_no_outputs", `{"4":{"class_type":"Loader","inputs":{"ckpt_name":"mini"}}}`, graph.TypeNoOutputs, "",
			graph.Mistake{Type: "prompt_no_outputs", Message: "Prompt has no outputs"}, `{}`},
		{"prompt_outputs_failed_validation", sampling("-cfg"), graph.TypeOutputsFailed, "",
			graph.Mistake{Type: "prompt_outputs_failed_validation", Message: "Prompt outputs failed validation", Details: "Required input is missing: cfg"}, `{}`},
		{"required_input_missing", sampling("-seed"), graph.TypeOutputsFailed, "3",
			graph.Mistake{Type: "required_input_missing", Message: "Required input is missing", Details: "seed"}, `{"input_name":"seed"}`},
		{"bad_linked_input", sampling(`seed=["4",0,1]`), graph.TypeOutputsFailed, "3",
			graph.Mistake{Type: "bad_linked_input", Message: "Bad linked input, must be a length-2 list of [node_id, slot_index]", Details: "seed"},
			`{"input_config":` + seed + `,"input_name":"seed","received_value":["4",0,1]}`},
		{"return_type_mismatch", sampling(`model=["4",1]`), graph.TypeOutputsFailed, "3",
			graph.Mistake{Type: "return_type_mismatch", Message: "Return type mismatch between linked nodes", Details: "model, received_type(CLIP) mismatch input_type(MODEL)"},
			`{"input_config":["MODEL",{}],"input_name":"model","linked_node":["4",1],"received_type":"CLIP"}`},
		{"invalid_input_type INT", sampling(`seed="many"`), graph.TypeOutputsFailed, "3",
			graph.Mistake{Type: "invalid_input_type", Message: "Failed to convert an input value to a INT value", Details: "seed, many, invalid literal for int() with base 10: 'many'"},
			`{"exception_message":"invalid literal for int() with base 10: 'many'","input_config":` + seed + `,"input_name":"seed","received_value":"many"}`},
		{"invalid_input_type FLOAT", sampling(`cfg=null`), graph.TypeOutputsFailed, "3",
			graph.Mistake{Type: "invalid_input_type", Message: "Failed to convert an input value to a FLOAT value", Details: "cfg, None, float() argument must be a string or a real number, not 'NoneType'"},
			`{"exception_message":"float() argument must be a string or a real number, not 'NoneType'","input_config":` + cfg + `,"input_name":"cfg","received_value":null}`},
		{"value_smaller_than_min", sampling(`cfg=-1`), graph.TypeOutputsFailed, "3",
			graph.Mistake{Type: "value_smaller_than_min", Message: "Value -1.0 smaller than min of 0.0", Details: "cfg"},
			`{"input_config":` + cfg + `,"input_name":"cfg","received_value":-1}`},
		{"value_bigger_than_max", sampling(`seed=18446744073709551616`), graph.TypeOutputsFailed, "3",
			graph.Mistake{Type: "value_bigger_than_max", Message: "Value 18446744073709551616 bigger than max of 18446744073709551615", Details: "seed"},
			`{"input_config":` + seed + `,"input_name":"seed","received_value":18446744073709551616}`},
		{"value_not_in_list", sampling(`sampler="heun"`), graph.TypeOutputsFailed, "3",
			graph.Mistake{Type: "value_not_in_list", Message: "Value not in list", Details: "sampler: 'heun' not in ['euler', 'ddim']"},
			`{"input_config":` + combo + `,"input_name":"sampler","received_value":"heun"}`},
		{"value_not_in_list, old notation", strings.Replace(sampling(), `"mini"`, `"it's"`, 1), graph.TypeOutputsFailed, "4",
			graph.Mistake{Type: "value_not_in_list", Message: "Value not in list", Details: `ckpt_name: "it's" not in ['mini', "other's"]`},
			`{"input_config":[["mini","other's"],{}],"input_name":"ckpt_name","received_value":"it's"}`},
		{"value_not_in_list, many choices", sampling(`long="b"`), graph.TypeOutputsFailed, "3",
			graph.Mistake{Type: "value_not_in_list", Message: "Value not in list", Details: "long: 'b' not in (list of length 21)"},
			`{"input_config":null,"input_name":"long","received_value":"b"}`},
		{"value_not_in_list, several", sampling(`many={"__value__":[1.0,"y",true,3]}`), graph.TypeOutputsFailed, "3",
			graph.Mistake{Type: "value_not_in_list", Message: "Value not in list", Details: "many: 'y', 3 not in [1, 2.5, 'x']"},
			`{"input_config":["COMBO",{"multiselect":true,"options":[1,2.5,"x"]}],"input_name":"many","received_value":[1.0,"y",true,3]}`},
		{"exception_during_validation", strings.Replace(sampling(), `["3",0]`, `["33",0]`, 1), graph.TypeOutputsFailed, "9",
			graph.Mistake{Type: "exception_during_validation", Message: "Exception when validating node", Details: "images: the link ['33', 0] names a node that the workflow does not have"},
			`{"exception_type":"KeyError","traceback":[]}`},
		{"exception_during_inner_validation", sampling(`model=["44",0]`), graph.TypeOutputsFailed, "3",
			graph.Mistake{Type: "exception_during_inner_validation", Message: "Exception when validating inner node", Details: "model: the link ['44', 0] names a node that the workflow does not have"},
			`{"exception_message":"model: the link ['44', 0] names a node that the workflow does not have","exception_type":"KeyError","input_config":["LATENT,IMAGE",{}],"input_name":"images","linked_node":["3",0],"traceback":[]}`},
		{"exception: node id is a number", sampling(`model=[4,0]`), graph.TypeOutputsFailed, "3",
			graph.Mistake{Type: "exception_during_inner_validation", Message: "Exception when validating inner node", Details: "model: the link [4, 0] names a node that the workflow does not have"}, ""},
		{"exception: slot out of range", sampling(`model=["4",3]`), graph.TypeOutputsFailed, "3",
			graph.Mistake{Type: "exception_during_inner_validation", Message: "Exception when validating inner node", Details: "model: the link ['4', 3] names output 3; Loader has 3 (0 is the first)"}, ""},
		{"exception: slot is negative", sampling(`model=["4",-1]`), graph.TypeOutputsFailed, "3",
			graph.Mistake{Type: "exception_during_inner_validation", Message: "Exception when validating inner node", Details: "model: the link ['4', -1] names output -1; Loader has 3 (0 is the first)"}, ""},
		{"exception: slot is no number", sampling(`model=["4","MODEL"]`), graph.TypeOutputsFailed, "3",
			graph.Mistake{Type: "exception_during_inner_validation", Message: "Exception when validating inner node", Details: "model: the link ['4', 'MODEL'] names no output: its second part has to be a whole number"}, ""},
		{"dependency_cycle", `{"9":{"class_type":"Save","inputs":{"images":["1",0]}},"1":{"class_type":"Through","inputs":{"any":["2",0]}},"2":{"class_type":"Through","inputs":{"any":["1",0]}}}`,
			graph.TypeOutputsFailed, "2",
			graph.Mistake{Type: "dependency_cycle", Message: "Dependency cycle detected", Details: "1 (Through) -> 2 (Through) -> 1 (Through)"},
			`{"cycle_nodes":["1","2"],"node_id":"2"}`},
		{"dependency_cycle with itself", `{"9":{"class_type":"Save","inputs":{"images":["1",0]}},"1":{"class_type":"Through","inputs":{"any":["1",0]}}}`,
			graph.TypeOutputsFailed, "1",
			graph.Mistake{Type: "dependency_cycle", Message: "Dependency cycle detected", Details: "1 (Through) -> 1 (Through)"},
			`{"cycle_nodes":["1"],"node_id":"1"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			report := graph.Validate(parse(t, test.workflow), samplingSchemas(t))
			if report.Error == nil || report.Error.Type != test.top {
				t.Fatalf("error of the workflow is %+v; want type %s", report.Error, test.top)
			}
			if _, err := report.Plan(); err == nil {
				t.Error("a plan was made")
			}
			got := *report.Error
			if test.node != "" {
				if len(report.Nodes) == 0 {
					t.Fatal("no node has a mistake")
				}
				got = mistakeOf(t, report, test.node)
			}
			extra, err := json.Marshal(got.ExtraInfo)
			if err != nil {
				t.Fatal(err)
			}
			if test.extra != "" && string(extra) != test.extra {
				t.Errorf("extra_info is\n%s\nwant\n%s", extra, test.extra)
			}
			got.ExtraInfo = nil
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got\n%+v\nwant\n%+v", got, test.want)
			}
		})
	}
}

// mistakeOf is the one mistake of a node.
func mistakeOf(t *testing.T, report *graph.Report, id string) graph.Mistake {
	t.Helper()
	for _, n := range report.Nodes {
		if n.ID == id {
			if len(n.Mistakes) != 1 {
				t.Fatalf("node %s has %d mistakes: %v", id, len(n.Mistakes), n.Mistakes)
			}
			return n.Mistakes[0]
		}
	}
	t.Fatalf("node %s has no mistake; the report says %q", id, report.Lines())
	return graph.Mistake{}
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
