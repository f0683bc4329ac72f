package synthetic

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// Fixture is isac/testdata/synthetic.json or ablations.json: what make_isac.py and make_ablations.py computed in plain
// PyTorch, in double precision.
type Fixture struct {
	Models map[string]struct {
		Top    [2]int
		Layers []struct {
			Kind     string
			Grid     [2]int
			Heads, D int64
		}
	}
	Cases       map[string]Case
	Clusterings map[string]Clustering
	file        *weights.File
}

// Case is one guided step: what was given, and the numbers that came out.
type Case struct {
	Model   string
	Classes []struct {
		Count  int
		Tokens []int
	}
	Options struct {
		Eta       float64
		Step      string
		SelfNorm  string `json:"self_norm"`
		CrossNorm string `json:"cross_norm"`
		// ClusterNorm scales what is clustered.
		ClusterNorm string `json:"cluster_norm"`
		Divide      bool
		Schedule    string
		Merge       string
		Overlap     string // none in make_isac.py's: MPO
		// Propagation is false where (7) is left out, and else absent.
		Propagation *bool
		// Only in joint_isac.json.
		Renormalise, Auxiliary bool
		Weight                 float64
	}
	Index, Count  int
	Instance, Cls float64
	Loss          float64
	WIns          float64 `json:"w_ins"`
	WCls          float64 `json:"w_cls"`
	Inertia       float64
	Foreground    int
}

// Clustering is what make_ablations.py has of one set of planted instances.
type Clustering struct {
	Grid        [2]int
	N           int
	Weight      float64
	Eigenvalues []float64 // of the normalised affinity, the N largest
	Singular    []float64 // values of the N+1 principal components
	Steps       int       // of EM
	Few, Best   float64   // mean log-likelihoods after them, and at the best of many starts
}

// Open opens isac/testdata/name.json and its tensors.
func Open(t testing.TB, name string) *Fixture {
	t.Helper()
	s := &Fixture{}
	_, here, _, _ := runtime.Caller(0)
	path := filepath.Join(filepath.Dir(here), "..", "..", "testdata", name)
	text, err := os.ReadFile(path + ".json")
	if err == nil {
		err = json.Unmarshal(text, s)
	}
	if err == nil {
		s.file, err = weights.Open(path + ".safetensors")
	}
	if err != nil {
		t.Fatalf("%v: write the fixture with the scripts in isac/testdata", err)
	}
	t.Cleanup(func() { s.file.Close() })
	return s
}

// Tensor gives a copy of a tensor of the fixture.
func (s *Fixture) Tensor(t testing.TB, name string) torch.Tensor {
	t.Helper()
	x, err := s.file.Tensor(name)
	if err != nil {
		t.Fatal(err)
	}
	return torchtest.Put(x.Clone())
}

// Layers gives a model of the fixture, in the current scope, and its grid.
func (s *Fixture) Layers(t testing.TB, name string) (Layers, attention.Grid) {
	m := s.Models[name]
	var ls Layers
	for i, l := range m.Layers {
		kind := attention.Image
		if l.Kind == "cross" {
			kind = attention.Text
		}
		text := torch.Tensor{}
		if l.Kind == "joint" {
			text = s.Tensor(t, fmt.Sprintf("model/%s/%d.text", name, i))
		}
		ls = append(ls, layer{
			text: text, auxiliary: l.Kind == "auxiliary",
			kind: kind, grid: attention.Grid{Height: l.Grid[0], Width: l.Grid[1]}, heads: l.Heads, d: l.D,
			q: s.Tensor(t, fmt.Sprintf("model/%s/%d.q", name, i)), k: s.Tensor(t, fmt.Sprintf("model/%s/%d.k", name, i)),
		})
	}
	return ls, attention.Grid{Height: m.Top[0], Width: m.Top[1]}
}

// Has tells whether the fixture has a tensor.
func (s *Fixture) Has(name string) bool { return s.file.Has(name) }
