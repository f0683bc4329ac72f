package graph_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/host-bridge/internal/arithmetic"
)

// cachedRun runs a workflow with a cache and says which nodes ran, which were known, and which output nodes gave their old ui again.
func cachedRun(t *testing.T, text string, runner *arithmetic.Nodes, cache *graph.Cache) (ran, known, again []string) {
	t.Helper()
	folder, _ := openFolder(t)
	before := len(runner.Calls())
	outcome, err := graph.Run(t.Context(), planOf(t, text), runner, graph.Options{
		Files: folder, Cache: cache,
		Observer: func(e graph.Event) {
			switch e := e.(type) {
			case graph.RunStarted:
				for _, task := range e.Cached {
					known = append(known, task.Node.ID)
				}
			case graph.NodeCached:
				again = append(again, task(e.Task)+" "+string(e.Result.UI))
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range outcome.Nodes {
		if !n.Task.Schema.Output || len(n.UI) == 0 {
			continue
		}
		if n.Cached != slices.Contains(known, n.Task.Node.ID) {
			t.Errorf("node %s: Cached is %v", n.Task.Node.ID, n.Cached)
		}
	}
	return runner.Calls()[before:], known, again
}

func task(t *graph.Task) string { return t.Node.ID }

func TestAnUnchangedWorkflowRunsNothing(t *testing.T) {
	runner, cache := arithmetic.New(), graph.NewCache()
	first, known, _ := cachedRun(t, division, runner, cache)
	if len(first) != 8 || known != nil {
		t.Fatalf("the first run ran %v and knew %v", first, known)
	}
	alive := runner.Alive()
	second, known, again := cachedRun(t, division, runner, cache)
	if len(second) != 0 || len(known) != 8 || len(again) != 3 {
		t.Errorf("the second run ran %v, knew %v and gave %v again", second, known, again)
	}
	if again[0] != `q {"images":[{"filename":"show_001_.txt","subfolder":"sums","type":"output"}],"text":["3"]}` {
		t.Errorf("the ui of an output node is %s", again[0])
	}
	if got := runner.Alive(); !reflect.DeepEqual(got, alive) {
		t.Errorf("alive are %v, before %v", got, alive)
	}
	// Other ids, other order, other titles: the same work.
	other := strings.NewReplacer(`"sum":{`, `"x:1":{`, `["sum",0]`, `["x:1",0]`, "17 by 5", "a title").Replace(division)
	if ran, _, _ := cachedRun(t, other, runner, cache); len(ran) != 0 {
		t.Errorf("with other ids %v ran", ran)
	}
	if err := cache.Clear(t.Context(), runner); err != nil {
		t.Error(err)
	}
	if left := runner.Alive(); len(left) != 0 || cache.Len() != 0 {
		t.Errorf("after Clear %v are alive and %d entries are kept", left, cache.Len())
	}
}

// finder is a folder of which somebody removes files.
type finder struct {
	*graph.Folder
	gone map[string]bool
}

func (f finder) Gone(files []graph.SavedFile) bool {
	return slices.ContainsFunc(files, func(s graph.SavedFile) bool { return f.gone[s.Name] })
}

// TestFilesThatAreGoneAreMadeAgain: an output node whose files were removed runs again, and only what it needs that is not kept.
func TestFilesThatAreGoneAreMadeAgain(t *testing.T) {
	runner, cache := arithmetic.New(), graph.NewCache()
	folder, _ := openFolder(t)
	files := finder{folder, map[string]bool{}}
	run := func() (ran []string, saved []graph.SavedFile) {
		before := len(runner.Calls())
		outcome, err := graph.Run(t.Context(), planOf(t, division), runner, graph.Options{Files: files, Cache: cache})
		if err != nil {
			t.Fatal(err)
		}
		saved = outcome.Files()
		slices.SortFunc(saved, func(a, b graph.SavedFile) int { return strings.Compare(a.Name, b.Name) }) // the cache's come first
		return runner.Calls()[before:], saved
	}
	_, first := run()
	if ran, saved := run(); len(ran) != 0 || !slices.Equal(saved, first) {
		t.Errorf("with all files there %v ran and gave %v, want %v", ran, saved, first)
	}
	files.gone[first[0].Name] = true
	ran, second := run()
	if len(ran) != 1 || slices.ContainsFunc(second, func(s graph.SavedFile) bool { return files.gone[s.Name] }) || len(second) != len(first) {
		t.Errorf("with a file gone %v ran and gave %v", ran, second)
	}
	if ran, saved := run(); len(ran) != 0 || !slices.Equal(saved, second) {
		t.Errorf("after that %v ran and gave %v, want %v", ran, saved, second)
	}
}

func TestOnlyWhatChangedRunsAgain(t *testing.T) {
	runner, cache := arithmetic.New(), graph.NewCache()
	cachedRun(t, division, runner, cache)
	changed := strings.Replace(division, `"base":2`, `"base":3`, 1)
	ran, known, _ := cachedRun(t, changed, runner, cache)
	if slices.Sort(ran); !reflect.DeepEqual(ran, []string{"r", "t"}) {
		t.Errorf("%v ran; only the digits and what shows them changed", ran)
	}
	if len(known) != 6 {
		t.Errorf("known were %v", known)
	}
	// What no node of the workflow makes any more is given back: a, b, d twice, t, sum are alive, not the old digits.
	cachedRun(t, division, runner, cache)
	if ran, _, _ := cachedRun(t, `{"s":{"class_type":"Show","inputs":{"value":["n",0]}},"n":{"class_type":"Number","inputs":{"value":5}}}`, runner, cache); len(ran) != 1 {
		t.Errorf("%v ran; the number 5 was known under another id", ran)
	}
	if left := runner.Alive(); len(left) != 1 {
		t.Errorf("alive are %v; only the number 5 is still wanted", left)
	}
}

func TestAFailedRunKeepsWhatWasDone(t *testing.T) {
	runner, cache := arithmetic.New(), graph.NewCache()
	waits := `{"s":{"class_type":"Show","inputs":{"value":["w",0]}},"w":{"class_type":"Wait","inputs":{"a":["n",0]}},"n":{"class_type":"Number","inputs":{"value":5}}}`
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-runner.Waiting
		cancel()
	}()
	folder, _ := openFolder(t)
	_, err := graph.Run(ctx, planOf(t, waits), runner, graph.Options{Files: folder, Cache: cache})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("the error is %v", err)
	}
	if len(runner.Alive()) != 1 || cache.Len() != 1 {
		t.Errorf("alive are %v, and %d results are kept; the number was made", runner.Alive(), cache.Len())
	}
	ran, _, _ := cachedRun(t, `{"s":{"class_type":"Show","inputs":{"value":["n",0]}},"n":{"class_type":"Number","inputs":{"value":5}}}`, runner, cache)
	if !reflect.DeepEqual(ran, []string{"s"}) {
		t.Errorf("%v ran", ran)
	}
}

func TestDropForgetsWithoutGivingBack(t *testing.T) {
	runner, cache := arithmetic.New(), graph.NewCache()
	cachedRun(t, division, runner, cache)
	cache.Drop() // the process is gone, and its handles with it
	fresh := arithmetic.New()
	if ran, _, _ := cachedRun(t, division, fresh, cache); len(ran) != 8 {
		t.Errorf("%v ran after the runner was replaced", ran)
	}
}
