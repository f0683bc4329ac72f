package nodes

import (
	"context"
	"fmt"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/nodes/schema"
)

// Module is what /object_info gives as python_module for the nodes of this package. ComfyUI's editor takes what lies below custom_nodes
// for a pack and names it on its nodes.
const Module = "custom_nodes.isac"

// Node is one class of node.
type Node interface {
	// Class is the name that graphs know it by.
	Class() string
	// Info is its /object_info entry on the machine of env, whose model folders decide what there is to choose from.
	// A nil env has no model folders.
	Info(env *Env) NodeInfo
	// Run executes it. inputs holds decoded JSON (json.Number for numbers) for what the graph gives by value, and for links
	// the values that other nodes returned. Values stay the caller's; those of the Result become the caller's.
	// An error about inputs is (or wraps) schema.Mistakes and names all that is wrong.
	Run(ctx context.Context, env *Env, inputs map[string]any) (Result, error)
}

// NodeInfo marshals to a node's /object_info entry.
type NodeInfo = schema.Info

// Output is one result of a node as editors show it.
type Output = schema.Output

// Meta says what a node is, but for its inputs, which the input struct says.
type Meta struct {
	Class, DisplayName, Category, Description string
	// OutputNode marks a node that is run for its own sake; graphs without one do nothing.
	OutputNode bool
	Outputs    []Output
	// Hidden are inputs that ComfyUI fills by itself; here they are listed for editors, their content comes with Env.
	Hidden []schema.Hidden
	// Inputs are further inputs, that no field of the input struct stands for (see schema.Of).
	Inputs []schema.Dynamic
	// Limits are bounds that hosts check before anything runs, beside those of the inputs' tags.
	Limits []schema.Limit
	// Lists gives the choices of the combos whose tag starts with "@"; nil if there are none. env may be nil.
	Lists func(env *Env) schema.Lists
}

// Define makes a node of an input struct In (see package schema for its tags) and a function.
func Define[In any](m Meta, run func(ctx context.Context, env *Env, in *In) (Result, error)) Node {
	return &definition[In]{meta: m, inputs: schema.Of[In](m.Inputs...), run: run}
}

type definition[In any] struct {
	meta   Meta
	inputs *schema.Schema
	run    func(ctx context.Context, env *Env, in *In) (Result, error)
}

func (d *definition[In]) Class() string { return d.meta.Class }

func (d *definition[In]) lists(env *Env) schema.Lists {
	if d.meta.Lists == nil {
		return nil
	}
	return d.meta.Lists(env)
}

func (d *definition[In]) Info(env *Env) NodeInfo {
	m := d.meta
	info := NodeInfo{
		Name: m.Class, DisplayName: m.DisplayName, Description: m.Description, Category: m.Category,
		Module: Module, OutputNode: m.OutputNode, Outputs: m.Outputs, Hidden: m.Hidden, Limits: m.Limits,
	}
	info.Required, info.Optional = d.inputs.Inputs(d.lists(env))
	return info
}

func (d *definition[In]) Run(ctx context.Context, env *Env, inputs map[string]any) (Result, error) {
	var in In
	if err := d.inputs.Decode(inputs, d.lists(env), &in); err != nil {
		return Result{}, err // which node it was is said by who ran it: it knows the node's id too
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	var result Result
	err := torch.InScope(func() (err error) {
		result, err = d.run(ctx, env, &in)
		return err
	})
	if err != nil {
		result.Close()
		return Result{}, err
	}
	if len(result.Values) != len(d.meta.Outputs) {
		panic(fmt.Sprintf("nodes: %s returned %d values, it declares %d outputs", d.meta.Class, len(result.Values), len(d.meta.Outputs)))
	}
	return result, nil
}
