package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/plugin"
)

// idle is a plugin whose nodes do nothing.
type idle struct{}

func (idle) Execute(context.Context, plugin.Request, func(plugin.Event)) (plugin.Result, error) {
	return plugin.Result{Outputs: []plugin.Value{{JSON: []byte("1")}}}, nil
}
func (idle) Release(context.Context, ...string) error { return nil }

// BenchmarkHostCost is what a host itself spends on one prompt of ten nodes that do nothing: parse, validate, plan, run, events.
//
//	go test ./host-bridge/graph -bench HostCost -run -
func BenchmarkHostCost(b *testing.B) {
	entries := map[string]json.RawMessage{
		"Nothing": json.RawMessage(`{"input":{"optional":{"a":["NUMBER"],"seed":["INT",{"min":0,"max":18446744073709551615}]}},"output":["NUMBER"]}`),
		"End":     json.RawMessage(`{"input":{"required":{"a":["NUMBER"]}},"output":["NUMBER"],"output_node":true}`),
	}
	schemas, err := graph.ParseSchemas(entries)
	if err != nil {
		b.Fatal(err)
	}
	nodes := []string{`"0":{"class_type":"Nothing","inputs":{"seed":%d}}`}
	for i := 1; i < 9; i++ {
		nodes = append(nodes, fmt.Sprintf(`"%d":{"class_type":"Nothing","inputs":{"a":["%d",0]}}`, i, i-1))
	}
	nodes = append(nodes, `"9":{"class_type":"End","inputs":{"a":["8",0]}}`)
	text := "{" + strings.Join(nodes, ",") + "}"
	cache := graph.NewCache()
	for i := 0; b.Loop(); i++ {
		events := 0
		w, err := graph.Parse(fmt.Appendf(nil, text, i)) // another seed, so that nothing is known
		if err != nil {
			b.Fatal(err)
		}
		plan, err := graph.Validate(w, schemas).Plan()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := graph.Run(b.Context(), plan, idle{}, graph.Options{Cache: cache, Observer: func(graph.Event) { events++ }}); err != nil {
			b.Fatal(err)
		}
		if events != 21 {
			b.Fatalf("%d events; expected the start and two for each node", events)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/prompt")
}
