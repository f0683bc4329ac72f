package graph_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/graph"
)

func TestParseKeepsOrderAndLiterals(t *testing.T) {
	const text = `{
	 "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "a <b> & c"}, "_meta": {"title": "  Save\tit "}},
	 "12:5": {"inputs": {"seed": 18446744073709551615, "cfg": 1.50, "on": true, "none": null, "list": [1, [2]], "o": {"k": 1}},
	          "class_type": "KSampler", "is_changed": [1]},
	 "8": {"class_type": "VAEDecode"}}`
	w := parse(t, "\xef\xbb\xbf"+text)
	var ids []string
	for _, n := range w.Nodes {
		ids = append(ids, n.ID)
	}
	if got := strings.Join(ids, " "); got != "9 12:5 8" {
		t.Errorf("nodes come as %q", got)
	}
	if n, _ := w.Node("9"); n.Title != "Save it" || n.Label() != "Save it" {
		t.Errorf("title is %q", n.Title)
	}
	sampler, _ := w.Node("12:5")
	if seed, _ := sampler.Input("seed"); seed != json.Number("18446744073709551615") {
		t.Errorf("seed is %v", seed)
	}
	got, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	var pretty strings.Builder
	e := json.NewEncoder(&pretty)
	e.SetEscapeHTML(false)
	if err := e.Encode(w); err != nil {
		t.Fatal(err)
	}
	const want = `{"9":{"inputs":{"images":["8",0],"filename_prefix":"a <b> & c"},"class_type":"SaveImage","_meta":{"title":"  Save\tit "}},` +
		`"12:5":{"inputs":{"seed":18446744073709551615,"cfg":1.50,"on":true,"none":null,"list":[1,[2]],"o":{"k":1}},"class_type":"KSampler"},` +
		`"8":{"inputs":{},"class_type":"VAEDecode"}}` + "\n"
	if pretty.String() != want {
		t.Errorf("written again:\n%s\nwant:\n%s", pretty.String(), want)
	}
	if again := parse(t, string(got)); len(again.Nodes) != 3 {
		t.Errorf("what is written reads as %d nodes", len(again.Nodes))
	}
}

func TestSetReplacesAndAdds(t *testing.T) {
	w := parse(t, `{"1":{"class_type":"A","inputs":{"x":1,"y":2}}}`)
	n, _ := w.Node("1")
	n.Set("x", json.Number("7"))
	n.Set("z", "new")
	got, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"1":{"inputs":{"x":7,"y":2,"z":"new"},"class_type":"A"}}`; string(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		name, text   string
		kind         string
		line, column int
		message      string
	}{
		{"empty", " \n", graph.TypeNoPrompt, 0, 0, "no prompt provided"},
		{"null", "null", graph.TypeNoPrompt, 0, 0, "no prompt provided"},
		{"list", "\n [1]", graph.TypeInvalidPrompt, 2, 2, "a workflow is an object of nodes by id; this is a list"},
		{"number", "12", graph.TypeInvalidPrompt, 1, 1, "this is a number"},
		{"text", "hello", graph.TypeInvalidPrompt, 1, 1, "invalid character 'h'"},
		{"editor's format", `{"last_node_id": 4, "nodes": [{"id": 4}], "links": [], "version": 0.4}`, graph.TypeInvalidPrompt, 0, 0, "Workflow > Export (API)"},
		{"request", `{"prompt": {"1": {"class_type": "A", "inputs": {}}}, "client_id": "x"}`, graph.TypeInvalidPrompt, 0, 0, `what stands under "prompt"`},
		{"cut off", "{\"1\": {\"class_type\": \"A\",\n \"inputs\": {\"x\": 1", graph.TypeInvalidPrompt, 2, 19, "ends in the middle"},
		{"cut off in a string", `{"1": {"class_type": "A`, graph.TypeInvalidPrompt, 1, 24, "ends in the middle"},
		{"missing comma", "{\"1\": {\"class_type\": \"A\"}\n \"2\": {}}", graph.TypeInvalidPrompt, 2, 2, `invalid character '"' after object key:value pair`},
		{"trailing comma", "{\"1\": {\"class_type\": \"A\"},}", graph.TypeInvalidPrompt, 1, 27, "invalid character '}'"},
		{"column in characters", "{\"ä\": x}", graph.TypeInvalidPrompt, 1, 7, "invalid character 'x'"},
		{"more text", "{}\n{}", graph.TypeInvalidPrompt, 2, 1, "after top-level value"},
		{"node is text", `{"_comment": "hi"}`, graph.TypeInvalidPrompt, 1, 14, `node "_comment" is an object of class_type and inputs; this is a string`},
		{"node is null", `{"1": null}`, graph.TypeInvalidPrompt, 1, 7, "this is null"},
		{"class is a number", `{"1": {"class_type": 7}}`, graph.TypeInvalidPrompt, 1, 22, "class_type is a number"},
		{"class is null", `{"1": {"class_type": null}}`, graph.TypeInvalidPrompt, 1, 22, "class_type is null"},
		{"inputs are a list", `{"1": {"inputs": []}}`, graph.TypeInvalidPrompt, 1, 18, "this is a list"},
		{"id twice", "{\"1\": {\"class_type\": \"A\"},\n\"1\": {\"class_type\": \"B\"}}", graph.TypeInvalidPrompt, 2, 1, `node id "1" stands twice`},
		{"input twice", `{"1": {"inputs": {"x": 1, "x": 2}}}`, graph.TypeInvalidPrompt, 1, 27, `node "1" has input "x" twice`},
		{"class twice", `{"1": {"class_type": "A", "class_type": "B"}}`, graph.TypeInvalidPrompt, 1, 27, "class_type twice"},
		{"not UTF-8", "{\"1\": \"\xff\"}", graph.TypeInvalidPrompt, 1, 8, "byte 0xff is not UTF-8"},
		{"NaN", `{"1": {"inputs": {"x": NaN}}}`, graph.TypeInvalidPrompt, 1, 24, "invalid character 'N'"},
		{"too deep", `{"1": {"inputs": {"x": ` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}}}`, graph.TypeInvalidPrompt, 1, 0, "exceeded max depth"},
		{"too large", strings.Repeat(" ", graph.MaxWorkflowBytes) + "{}", graph.TypeInvalidPrompt, 0, 0, "bytes; at most"},
		{"too many nodes", "{" + strings.Repeat(`"a":{},`, graph.MaxNodes) + `"b":{}}`, graph.TypeInvalidPrompt, 0, 0, "10001 nodes; at most"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := graph.Parse([]byte(test.text))
			var failed *graph.ParseError
			if !errors.As(err, &failed) {
				t.Fatalf("error is %v", err)
			}
			if failed.Type != test.kind || failed.Line != test.line || test.column != 0 && failed.Column != test.column {
				t.Errorf("got %s at line %d, column %d; want %s at %d, %d", failed.Type, failed.Line, failed.Column, test.kind, test.line, test.column)
			}
			if !strings.Contains(err.Error(), test.message) {
				t.Errorf("message is %q; want it to hold %q", err, test.message)
			}
		})
	}
}

func TestParseTakesANodeNamedLikeTheEditorsFormat(t *testing.T) {
	w := parse(t, `{"nodes": {"class_type": "A", "inputs": {}}, "prompt": {"class_type": "B"}}`)
	if len(w.Nodes) != 2 || w.Nodes[1].Class != "B" {
		t.Errorf("got %v", w.Nodes)
	}
}
