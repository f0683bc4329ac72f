package arithmetic

import "github.com/isac-guidance/isac/plugin"

// count gives the numbers from 1, and the last of them.
func count(c *call) (plugin.Result, error) {
	to := c.number("to")
	numbers := make([]int, to+1)
	for i := range to {
		numbers[i] = i + 1
	}
	numbers[to] = to
	result := c.nodes.hold(numbers...)
	result.Outputs = []plugin.Value{{List: result.Outputs[:to:to]}, result.Outputs[to]}
	return result, nil
}

// total adds the numbers of a list and multiplies by the first weight.
func total(c *call) (plugin.Result, error) {
	sum := 0
	for _, v := range c.request.Inputs["a"].List {
		sum += (&call{nodes: c.nodes, request: plugin.Request{Inputs: map[string]plugin.Value{"a": v}}}).number("a")
	}
	weight := &call{request: plugin.Request{Inputs: map[string]plugin.Value{"w": c.request.Inputs["weight"].List[0]}}}
	return c.nodes.hold(sum * weight.number("w")), nil
}
