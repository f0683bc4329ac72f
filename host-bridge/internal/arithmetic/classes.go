package arithmetic

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/isac-guidance/isac/plugin"
)

// Entries are the classes as /object_info has them.
var Entries = map[string]json.RawMessage{
	"Number": json.RawMessage(`{"input":{"required":{"value":["INT",{"default":0,"min":-1000,"max":1000}]}},
		"input_order":{"required":["value"]},"output":["NUMBER"],"output_name":["NUMBER"],"output_node":false,
		"display_name":"Number","category":"arithmetic","description":"Holds an integer."}`),
	"Add": json.RawMessage(`{"input":{"required":{"a":["NUMBER"],"b":["NUMBER",{}]}},"input_order":{"required":["a","b"]},
		"output":["NUMBER"],"output_node":false,"display_name":"Add","category":"arithmetic","description":"Adds two integers."}`),
	"Divide": json.RawMessage(`{"input":{"required":{"a":["NUMBER"],"b":["NUMBER"]}},"output":["NUMBER","NUMBER"],
		"output_name":["quotient","remainder"],"output_node":false,"display_name":"Divide","category":"arithmetic"}`),
	"Root": json.RawMessage(`{"input":{"required":{"a":["NUMBER"],"steps":["INT",{"default":5,"min":1,"max":50}]}},
		"input_order":{"required":["a","steps"]},"output":["NUMBER"],"output_node":false,"display_name":"Square root",
		"category":"arithmetic/slow","description":"Finds a root step by step, and reports the error as a loss."}`),
	"Digits": json.RawMessage(`{"input":{"required":{"a":["NUMBER"],"base":["INT,NUMBER",{}]}},"output":["STRING"],"output_node":false}`),
	"Wait":   json.RawMessage(`{"input":{"required":{"a":["NUMBER"]}},"output":["NUMBER"],"output_node":false}`),
	"Count": json.RawMessage(`{"input":{"required":{"to":["INT",{"min":0,"max":20}]}},"output":["NUMBER","NUMBER"],
		"output_is_list":[true,false],"output_name":["numbers","last"],"output_node":false}`),
	"Total": json.RawMessage(`{"input":{"required":{"a":["NUMBER"],"weight":["INT",{}]}},"is_input_list":true,
		"output":["NUMBER"],"output_node":false}`),
	"Show": json.RawMessage(`{"input":{"required":{"value":["*"]},"optional":{"label":["STRING",{"default":""}],
		"copies":["INT",{"default":1,"min":0,"max":5}]},"hidden":{"prompt":"PROMPT"}},
		"input_order":{"required":["value"],"optional":["label","copies"],"hidden":["prompt"]},"output":[],"output_node":true,
		"display_name":"Show","category":"arithmetic","description":"Writes a value to a file."}`),
}

var classes = map[string]func(*call) (plugin.Result, error){
	"Number": func(c *call) (plugin.Result, error) { return c.nodes.hold(c.number("value")), nil },
	"Add":    add,
	"Divide": divide,
	"Root":   root,
	"Digits": digits,
	"Wait":   wait,
	"Count":  count,
	"Total":  total,
	"Show":   show,
}

func add(c *call) (plugin.Result, error) {
	c.events(plugin.Event{Progress: &plugin.Progress{Value: 1, Max: 2}})
	c.events(plugin.Event{Preview: &plugin.Preview{Format: "png", Data: []byte("picture")}})
	return c.nodes.hold(c.number("a") + c.number("b")), nil
}

func divide(c *call) (plugin.Result, error) {
	a, b := c.number("a"), c.number("b")
	if b == 0 {
		return plugin.Result{}, &plugin.Error{Kind: plugin.KindInvalidInput, Message: "division by zero",
			NodeID: c.request.NodeID, Class: c.request.Class, Inputs: []string{"b"}}
	}
	return c.nodes.hold(a/b, a%b), nil
}

// root is Newton's iteration; its reports have the names of a guided step's.
func root(c *call) (plugin.Result, error) {
	a, steps := float64(c.number("a")), c.number("steps")
	x := math.Max(a, 1)
	for i := range steps {
		loss := math.Round(math.Abs(x*x-a)*1e6) / 1e6
		report := map[string]any{"image": 0, "index": i, "count": steps, "loss": loss, "losses": []map[string]any{{"name": "instance", "value": loss / 2, "weight": 1}, {"name": "class", "value": loss / 2, "weight": 1}},
			"masks": [][]int{{1}}, "labels": []int{0}}
		if loss == 0 {
			report["skipped"] = "nothing left to do"
		}
		text, err := json.Marshal(report)
		if err != nil {
			return plugin.Result{}, err
		}
		c.events(plugin.Event{Step: text})
		c.events(plugin.Event{Progress: &plugin.Progress{Value: i + 1, Max: steps}})
		x = (x + a/x) / 2
	}
	result := c.nodes.hold(int(math.Round(x)))
	result.UI = json.RawMessage(fmt.Sprintf(`{"text":["root of %v"]}`, a))
	return result, nil
}

func digits(c *call) (plugin.Result, error) {
	text := strconv.FormatInt(int64(c.number("a")), c.number("base"))
	return plugin.Result{Outputs: []plugin.Value{{JSON: json.RawMessage(strconv.Quote(text))}}}, nil
}

// wait waits until it is cancelled.
func wait(c *call) (plugin.Result, error) {
	close(c.nodes.Waiting)
	<-c.ctx.Done()
	return plugin.Result{}, errors.New("connection broken")
}

func show(c *call) (plugin.Result, error) {
	text, copies := c.text("value"), 1
	if c.given("copies") {
		copies = c.number("copies")
	}
	ui, err := json.Marshal(map[string][]string{"text": {text}})
	if err != nil {
		return plugin.Result{}, err
	}
	result := plugin.Result{UI: ui}
	for range copies {
		result.Files = append(result.Files, plugin.File{Name: "show_%03d_.txt", Subfolder: "sums", Type: "output", Data: []byte(text)})
	}
	return result, nil
}
