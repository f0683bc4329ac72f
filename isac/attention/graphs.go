package attention

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/torch"
)

// GraphsEnv is the environment variable that, where it is 1, has models on a GPU record their evaluations.
const GraphsEnv = "ISAC_CUDA_GRAPHS"

// Graphs are a model's evaluations that a GPU repeats whole: torch.Graph for each kind of evaluation that comes up again, taps and gradient
// included. A nil one records nothing, and works.
type Graphs struct {
	kept []*recording
}

// recording is one kind of evaluation.
type recording struct {
	key   string
	seen  int
	graph *torch.Graph // nil where it is not recorded
	taps  []Tap        // without tensors
	err   error        // why it cannot be recorded
}

const (
	// mostGraphs bounds the memory that graphs keep: an unguided and a guided evaluation of two sizes.
	mostGraphs = 4
	// recordAt is the evaluation of a kind that is recorded: what comes only once is not worth it.
	recordAt = 2
)

// NewGraphs gives a model on a device its graphs: nil on the CPU, and where GraphsEnv does not ask for them.
func NewGraphs(d torch.Device) *Graphs {
	if !GraphsOn(d) {
		return nil
	}
	return &Graphs{}
}

// GraphsOn tells whether models on a device record their evaluations.
func GraphsOn(d torch.Device) bool { return d != torch.CPU && d != "" && os.Getenv(GraphsEnv) == "1" }

// Run is r.Scoped of fn on inputs, which may be undefined, repeated from a graph where there is one or can be. fn has to be what
// torch.NewGraph asks for; what it depends on beside the shapes of its inputs is in key.
func (g *Graphs) Run(r *Recorder, key string, fn func(in []torch.Tensor, r *Recorder) []torch.Tensor, inputs ...torch.Tensor) []torch.Tensor {
	if g == nil {
		return r.Scoped(func() []torch.Tensor { return fn(inputs, r) })
	}
	one := g.find(kindOf(r, key, inputs))
	one.seen++
	if one.graph == nil && one.err == nil && one.seen >= recordAt {
		one.record(r, fn, inputs)
	}
	if one.graph == nil {
		return r.Scoped(func() []torch.Tensor { return fn(inputs, r) })
	}
	taps := slices.Clone(one.taps)
	results := restore(one.graph.Run(inputs...), taps)
	if r != nil {
		r.taps = append(r.taps, taps...)
	}
	return results
}

// Errors tells why kinds of evaluations are not recorded, by kind.
func (g *Graphs) Errors() map[string]error {
	out := map[string]error{}
	if g != nil {
		for _, one := range g.kept {
			if one.err != nil {
				out[one.key] = one.err
			}
		}
	}
	return out
}

// Recorded counts the graphs.
func (g *Graphs) Recorded() int {
	n := 0
	if g != nil {
		for _, one := range g.kept {
			if one.graph != nil {
				n++
			}
		}
	}
	return n
}

// Close frees all graphs. It comes before the weights are freed.
func (g *Graphs) Close() {
	if g == nil {
		return
	}
	for _, one := range g.kept {
		one.close()
	}
	g.kept = nil
}

// kindOf is what tells one kind of evaluation from another.
func kindOf(r *Recorder, key string, inputs []torch.Tensor) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, gradients %t", key, torch.GradEnabled())
	if r != nil {
		fmt.Fprintf(&b, ", layers recorded %d, nothing else %t", r.Layers, r.Only)
	}
	for _, t := range inputs {
		fmt.Fprintf(&b, "; %v", t)
		if t.Defined() && t.RequiresGrad() {
			b.WriteString(", with gradient")
		}
	}
	return b.String()
}

// find gives the recording of a kind, new or not, and makes it the last to be given up.
func (g *Graphs) find(key string) *recording {
	at := slices.IndexFunc(g.kept, func(one *recording) bool { return one.key == key })
	if at < 0 {
		if len(g.kept) == mostGraphs {
			g.kept[0].close()
			g.kept = slices.Delete(g.kept, 0, 1)
		}
		g.kept = append(g.kept, &recording{key: key})
		return g.kept[len(g.kept)-1]
	}
	one := g.kept[at]
	g.kept = append(slices.Delete(g.kept, at, at+1), one)
	return one
}

// record makes the graph, or notes why there is none.
func (one *recording) record(r *Recorder, fn func(in []torch.Tensor, r *Recorder) []torch.Tensor, inputs []torch.Tensor) {
	var wanted, inner *Recorder
	if r != nil {
		wanted = r.Fresh()
	}
	one.graph, one.err = torch.NewGraph(func(in []torch.Tensor) []torch.Tensor {
		if wanted == nil {
			return fn(in, nil)
		}
		inner = wanted.Fresh()
		results := fn(in, inner)
		return collect(results, inner.taps)
	}, inputs...)
	if one.err != nil {
		torch.EmptyCache(deviceOf(inputs)) // what it may have taken before it failed
		return
	}
	if inner != nil {
		one.taps = inner.taps
		for i := range one.taps {
			one.taps[i].Q, one.taps[i].K = torch.Tensor{}, torch.Tensor{}
		}
	}
}

func (one *recording) close() {
	if one.graph != nil {
		one.graph.Close()
		one.graph = nil
	}
}

func deviceOf(ts []torch.Tensor) torch.Device {
	for _, t := range ts {
		if t.Defined() {
			return t.Device()
		}
	}
	return torch.CPU
}
