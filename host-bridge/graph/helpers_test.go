package graph_test

import (
	"testing"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/host-bridge/internal/arithmetic"
)

func arithmeticSchemas(t testing.TB) graph.Schemas {
	t.Helper()
	schemas, err := graph.ParseSchemas(arithmetic.Entries)
	if err != nil {
		t.Fatal(err)
	}
	return schemas
}

func parse(t testing.TB, text string) *graph.Workflow {
	t.Helper()
	w, err := graph.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func planOf(t testing.TB, text string) *graph.Plan {
	t.Helper()
	report := graph.Validate(parse(t, text), arithmeticSchemas(t))
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	plan, err := report.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return plan
}
