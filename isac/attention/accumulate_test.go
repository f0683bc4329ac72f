package attention_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
)

// joint is what testdata/make_joint.py computed in plain PyTorch, in double precision.
type joint struct {
	Top    [2]int
	Layers []struct {
		Name  string
		Grid  [2]int
		Scale float64
		Keys  []struct {
			Kind, Encoder string
			Length        int
		}
		Mask []bool
	}
	Cases []struct {
		Name                        string
		Masked, Renormalise, Divide bool
	}
	file *weights.File
}

func openJoint(t *testing.T) *joint {
	t.Helper()
	j, path := &joint{}, filepath.Join("..", "testdata", "joint")
	text, err := os.ReadFile(path + ".json")
	if err == nil {
		err = json.Unmarshal(text, j)
	}
	if err == nil {
		j.file, err = weights.Open(path + ".safetensors")
	}
	if err != nil {
		t.Fatalf("%v: write the fixture with isac/testdata/make_joint.py", err)
	}
	t.Cleanup(func() { j.file.Close() })
	return j
}

func (j *joint) tensor(t *testing.T, name string) torch.Tensor {
	t.Helper()
	x, err := j.file.Tensor(name)
	if err != nil {
		t.Fatal(err)
	}
	return x.Clone()
}

// taps are the layers, in an element type, with queries and keys that want gradients.
func (j *joint) taps(t *testing.T, dtype torch.DType, masked bool) []attention.Tap {
	t.Helper()
	var taps []attention.Tap
	for _, l := range j.Layers {
		tap := attention.Tap{
			Name: l.Name, Height: l.Grid[0], Width: l.Grid[1], Scale: l.Scale,
			Q: j.tensor(t, l.Name+".q").To(dtype).Detach().SetRequiresGrad(true), K: j.tensor(t, l.Name+".k").To(dtype).Detach().SetRequiresGrad(true),
		}
		for _, s := range l.Keys {
			kind := attention.Image
			if s.Kind == "text" {
				kind = attention.Text
			}
			tap.Keys = append(tap.Keys, attention.Segment{Kind: kind, Length: s.Length, Encoder: s.Encoder})
		}
		if masked {
			tap.Mask = l.Mask
		}
		taps = append(taps, tap)
	}
	return taps
}

// near holds that got is the fixture's tensor, to rel of its largest value.
func (j *joint) near(t *testing.T, name string, got torch.Tensor, rel float64) {
	t.Helper()
	want, most, scale := j.tensor(t, name).Float64s(), 0.0, 0.0
	values := got.To(torch.Float64).Contiguous().Float64s()
	if len(values) != len(want) {
		t.Errorf("%s: %d values, expected %d", name, len(values), len(want))
		return
	}
	for i, w := range want {
		if d := math.Abs(values[i] - w); !(d <= most) { // so that NaN counts
			most = d
		}
		scale = max(scale, math.Abs(w))
	}
	if !(most <= rel*scale) {
		t.Errorf("%s: differs by %.3g of the largest value, allowed is %.3g", name, most/scale, rel)
	}
}

// Slices of joint softmaxes, and softmaxes of their own, on two grids, with image keys before, between and after text keys, with and
// without padding: maps and the gradients of a fixed weighting of them.
func TestAccumulateJointLikePyTorch(t *testing.T) {
	j := openJoint(t)
	for _, c := range j.Cases {
		for dtype, rel := range map[torch.DType]float64{torch.Float64: 1e-10, torch.Float32: 1e-5} {
			t.Run(fmt.Sprintf("masked %v renormalised %v divided %v %v", c.Masked, c.Renormalise, c.Divide, dtype), func(t *testing.T) {
				synthetic.In(t, func() {
					taps := j.taps(t, dtype, c.Masked)
					reading, err := attention.Read(taps)
					if err != nil {
						t.Fatal(err)
					}
					if top := (attention.Grid{Height: j.Top[0], Width: j.Top[1]}); reading.Top != top || reading.Tokens != 8 || reading.Half {
						t.Errorf("top %s, %d tokens, half %v", reading.Top, reading.Tokens, reading.Half)
					}
					self, cross := attention.Accumulate(reading, attention.Options{DivideUpsampled: c.Divide, Renormalise: c.Renormalise})
					if self.DType() != dtype || cross.DType() != dtype {
						t.Errorf("SA is %v, CA %v", self.DType(), cross.DType())
					}
					j.near(t, c.Name+".self", self, rel)
					j.near(t, c.Name+".cross", cross, rel)
					loss := self.Mul(j.tensor(t, "weight.self").To(dtype)).SumAll().Add(cross.Mul(j.tensor(t, "weight.cross").To(dtype)).SumAll())
					var leaves []torch.Tensor
					for _, tap := range taps {
						leaves = append(leaves, tap.Q, tap.K)
					}
					grads := torch.Grad(loss, leaves...)
					for i, tap := range taps {
						j.near(t, c.Name+".grad."+tap.Name+".q", grads[2*i], rel)
						j.near(t, c.Name+".grad."+tap.Name+".k", grads[2*i+1], rel)
					}
				})
			})
		}
	}
}

// Maps of one kind are undefined where no tap has keys of it.
func TestAccumulateOfOneKind(t *testing.T) {
	j := openJoint(t)
	synthetic.In(t, func() {
		reading, err := attention.Read(j.taps(t, torch.Float32, false))
		if err != nil {
			t.Fatal(err)
		}
		alone := reading.Only(func(tap attention.Tap) bool { return !tap.Has(attention.Text) })
		if len(alone.Taps) != 1 || alone.Taps[0].Name != "blocks.0.attn2" {
			t.Fatalf("%d taps without text", len(alone.Taps))
		}
		if self, cross := attention.Accumulate(alone, attention.Options{}); !self.Defined() || cross.Defined() {
			t.Errorf("SA %v, CA %v", self, cross)
		}
		coarse := reading.Only(func(tap attention.Tap) bool { return tap.Height == 2 })
		if coarse.Top != (attention.Grid{Height: 2, Width: 3}) || coarse.Tokens != 8 {
			t.Errorf("top %s, %d tokens", coarse.Top, coarse.Tokens)
		}
	})
}

// Masked keys have no probability at all, in bfloat16 too, and their queries and keys no gradient.
func TestMaskedKeysAreNotSeen(t *testing.T) {
	j := openJoint(t)
	for _, dtype := range []torch.DType{torch.Float64, torch.Float32, torch.BFloat16} {
		synthetic.In(t, func() {
			tap := j.taps(t, dtype, true)[0]
			mean := tap.Mean()
			sums := mean.To(torch.Float64).Sum([]int64{0}, false).Float64s()
			for i, attended := range tap.Mask {
				if (sums[i] == 0) == attended {
					t.Errorf("%v: key %d, attended %v, has probability %g", dtype, i, attended, sums[i])
				}
			}
			if dtype == torch.BFloat16 {
				return
			}
			grads := torch.Grad(mean.Square().SumAll(), tap.K)[0].Abs().Sum([]int64{0, 1, 3}, false).To(torch.Float64).Float64s()
			for i, attended := range tap.Mask {
				if (grads[i] == 0) == attended {
					t.Errorf("%v: key %d, attended %v, has gradient %g", dtype, i, attended, grads[i])
				}
			}
		})
	}
}
