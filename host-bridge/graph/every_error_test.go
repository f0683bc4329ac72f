package graph_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/graph"
)

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
