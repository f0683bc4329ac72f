package weights

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

func sample(t *testing.T) *File {
	t.Helper()
	nan := float32(math.NaN())
	return open(t, write(t, filepath.Join(t.TempDir(), "sample.safetensors"),
		Entry{"conv_in.weight", F32, []int64{2, 3}, bytesOf([]float32{1, 2, 3, 4, 5, 6})},
		Entry{"conv_in.bias", F16, []int64{2}, []byte{0x00, 0x3c, 0x00, 0xc0}}, // 1, -2
		Entry{"blocks.0.norm.weight", F32, []int64{2}, bytesOf([]float32{1e6, 1})},
		Entry{"blocks.0.norm.bias", F32, []int64{2}, bytesOf([]float32{nan, 1})},
		Entry{"blocks.10.ids", I64, []int64{2}, bytesOf([]int64{5, 6})},
	))
}

// What Params gives is a copy: it stays good when the file is closed, in every combination of types.
func TestParamsOutliveTheFile(t *testing.T) {
	torchtest.Require(t)
	for _, dtype := range []torch.DType{torch.Float32, torch.Float16, torch.BFloat16} {
		f := sample(t)
		p := NewParams(f, dtype, torch.CPU)
		w, b, ids := p.Sub("conv_in").Tensor("weight", 2, -1), p.Sub("conv_in").Tensor("bias", 2), p.Sub("blocks").Sub("10").Tensor("ids")
		if err := p.Err(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if w.DType() != dtype || b.DType() != dtype || ids.DType() != torch.Int64 {
			t.Errorf("%v: types %v, %v, %v", dtype, w.DType(), b.DType(), ids.DType())
		}
		if !slices.Equal(w.Float32s(), []float32{1, 2, 3, 4, 5, 6}) || !slices.Equal(b.Float32s(), []float32{1, -2}) || !slices.Equal(ids.Int64s(), []int64{5, 6}) {
			t.Errorf("%v: values %v, %v, %v", dtype, w.Float32s(), b.Float32s(), ids.Int64s())
		}
		p.Close()
		p.Close()
		if late := p.Sub("conv_in").Tensor("weight"); late.Defined() {
			t.Error("a closed Params gave a tensor")
		}
	}
}

func TestParamsReportAllMistakes(t *testing.T) {
	torchtest.Require(t)
	p := NewParams(sample(t), torch.Float16, torch.CPU)
	defer p.Close()
	p.Tensor("conv_in.weight", 2, 4)
	p.Tensor("conv_in.weight", 2, 4) // the same mistake twice is one
	p.Tensor("conv_out.weight", 2)
	p.Sub("blocks.0").Tensor("norm.weight") // 1e6 is too large for float16
	p.Sub("blocks.0.norm").Tensor("bias")   // NaN
	p.Fail(ErrUnsupported)
	if p.Optional("nothing").Defined() {
		t.Error("an absent tensor came back defined")
	}
	err := p.Err()
	var all Mistakes
	if !errors.As(err, &all) || len(all) != 5 {
		t.Fatalf("%d mistakes: %v", len(all), err)
	}
	for i, c := range []struct {
		kind error
		want string
	}{
		{ErrShape, `sample.safetensors: tensor "conv_in.weight" has shape [2 3], expected [2 4]`},
		{ErrMissing, `"conv_out.weight"`},
		{ErrNotFinite, "too large for float16"},
		{ErrNotFinite, "NaN or infinite"},
		{ErrUnsupported, "unsupported"},
	} {
		if !errors.Is(all[i], c.kind) || !strings.Contains(all[i].Error(), c.want) {
			t.Errorf("mistake %d: %v, expected %q", i, all[i], c.want)
		}
	}
	if unused := p.Unused(); !slices.Equal(unused, []string{"blocks.10.ids", "conv_in.bias"}) {
		t.Errorf("unused: %v", unused)
	}
}

// Each of the values that are not finite is found wherever it stands, in every type; an empty tensor is finite.
func TestFinite(t *testing.T) {
	torchtest.Require(t)
	err := torch.InScope(func() error {
		for _, dtype := range []torch.DType{torch.Float64, torch.Float32, torch.Float16, torch.BFloat16} {
			for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
				for at := range 37 {
					values := make([]float64, 37)
					if x := torch.FromFloat64s(values).To(dtype); !finite(x) {
						t.Errorf("%v: zeros are not finite", dtype)
					}
					values[at] = bad
					if x := torch.FromFloat64s(values).To(dtype); finite(x) {
						t.Errorf("%v: %g at %d was not found", dtype, bad, at)
					}
				}
			}
		}
		if !finite(torch.Zeros([]int64{0, 3}, torch.Float32, torch.CPU)) {
			t.Error("an empty tensor is not finite")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestParamsPaths(t *testing.T) {
	torchtest.Require(t)
	p := NewParams(sample(t), torch.Float32, torch.CPU)
	defer p.Close()
	b := p.Sub("blocks")
	if b.Path() != "blocks" || b.Sub("0").Path() != "blocks.0" || !b.Has("0.norm.bias") || b.Has("0.norm") {
		t.Errorf("path %q", b.Path())
	}
	if !b.HasAny("0") || !b.HasAny("10") || b.HasAny("1") || b.HasAny("0.norm.bias") {
		t.Error("HasAny is wrong about what lies below a path")
	}
	if !slices.Equal(p.Shape("conv_in.weight"), []int64{2, 3}) || p.Shape("no") != nil {
		t.Errorf("shapes %v, %v", p.Shape("conv_in.weight"), p.Shape("no"))
	}
	if a, b := p.Tensor("conv_in.bias"), p.Sub("conv_in").Tensor("bias"); a != b {
		t.Error("the same weight was loaded twice")
	}
}

func TestSourceViews(t *testing.T) {
	torchtest.Require(t)
	f := sample(t)
	s := Prefix(f, "blocks.")
	if !slices.Equal(s.Names(), []string{"0.norm.bias", "0.norm.weight", "10.ids"}) || !s.Has("10.ids") || s.Has("conv_in.bias") {
		t.Errorf("names %v", s.Names())
	}
	r := Renamed(s, map[string]string{"ids": "10.ids", "ghost": "not there"})
	if !slices.Equal(r.Names(), []string{"ids"}) || r.Has("ghost") {
		t.Errorf("names %v", r.Names())
	}
	if shape, ok := r.Shape("ids"); !ok || !slices.Equal(shape, []int64{2}) {
		t.Errorf("shape %v", shape)
	}
	if d, ok := r.DType("ids"); !ok || d != I64 {
		t.Errorf("dtype %v", d)
	}
	if _, ok := r.Shape("ghost"); ok {
		t.Error("a ghost has a shape")
	}
	if _, err := r.Tensor("ghost"); !errors.Is(err, ErrMissing) {
		t.Errorf("%v", err)
	}
	if got := r.Origin("ids"); got != "sample.safetensors" {
		t.Errorf("origin %q", got)
	}
	err := torch.InScope(func() error {
		ids, err := r.Tensor("ids")
		if err == nil && !slices.Equal(ids.Int64s(), []int64{5, 6}) {
			t.Errorf("ids %v", ids.Int64s())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
