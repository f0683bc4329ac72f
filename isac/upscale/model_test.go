package upscale

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// numbers are what make_upscale.py wrote.
func numbers(t *testing.T) *weights.File {
	t.Helper()
	torchtest.Require(t)
	f, err := weights.Open(filepath.Join("testdata", "fixture.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func tensor(t *testing.T, f *weights.File, name string) torch.Tensor {
	t.Helper()
	x, err := f.Tensor(name)
	if err != nil {
		t.Fatal(err)
	}
	return x.To(torch.Float32)
}

func load(t *testing.T, name string) *Model {
	t.Helper()
	m, err := Load(filepath.Join("testdata", name), torch.CPU)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func inScope(t *testing.T, fn func()) {
	t.Helper()
	if err := torch.InScope(func() error { fn(); return nil }); err != nil {
		t.Fatal(err)
	}
}

// near fails where values differ by more than a thousandth of what 8 bits tell apart.
func near(t *testing.T, what string, got, want torch.Tensor) {
	t.Helper()
	if got.Sub(want).Abs().MaxAll().Item() > 1e-5 {
		t.Errorf("%s differs by %v", what, got.Sub(want).Abs().MaxAll().Item())
	}
}

// TestEqualsPyTorch holds networks of every form and layout against plain PyTorch's.
func TestEqualsPyTorch(t *testing.T) {
	f := numbers(t)
	for name, want := range map[string]struct {
		key   string
		scale int
	}{
		"new4.safetensors": {"new4", 4}, "wrapped.pth": {"compact4", 4}, "old2.safetensors": {"old2", 2}, "trunk4.safetensors": {"trunk4", 4},
		"plus2.safetensors": {"plus2", 2}, "shuffled2.safetensors": {"shuffled2", 2}, "compact4.safetensors": {"compact4", 4}, "compact1.safetensors": {"compact1", 1},
	} {
		m := load(t, name)
		if m.Scale() != want.scale {
			t.Errorf("%s: %d times, want %d", name, m.Scale(), want.scale)
		}
		inScope(t, func() {
			out, err := m.Upscale(context.Background(), tensor(t, f, "picture"), nil)
			if err != nil {
				t.Fatal(err)
			}
			near(t, name, out, tensor(t, f, want.key))
		})
	}
}

// TestTilesEqualComfyUI holds a picture of two tiles, and one of fewer pixels than the network takes, against ComfyUI's.
func TestTilesEqualComfyUI(t *testing.T) {
	f, m := numbers(t), load(t, "old2.safetensors")
	inScope(t, func() {
		var told [][2]int
		out, err := m.Upscale(context.Background(), tensor(t, f, "wide").DivScalar(255), func(done, all int) { told = append(told, [2]int{done, all}) })
		if err != nil {
			t.Fatal(err)
		}
		if len(told) != 2 || told[1] != [2]int{2, 2} {
			t.Errorf("progress %v, want two tiles", told)
		}
		near(t, "two tiles", out.Narrow(3, 900, out.Size(3)-900), tensor(t, f, "old2.wide"))
		if out, err = m.Upscale(context.Background(), tensor(t, f, "pixel"), nil); err != nil {
			t.Fatal(err)
		}
		near(t, "a row of pixels", out, tensor(t, f, "old2.pixel"))
	})
}

// TestTilesFitTogether holds that many small tiles give about what one gives, and what they weigh sums up everywhere.
func TestTilesFitTogether(t *testing.T) {
	m := load(t, "compact4.safetensors")
	if numbers(t); m == nil {
		t.Fatal()
	}
	inScope(t, func() {
		g := torch.NewGenerator(2)
		defer g.Close()
		x := g.Randn(1, 3, 150, 97).MulScalar(0.2).AddScalar(0.5).Clamp(0, 1)
		whole, err := m.tiled(context.Background(), x, 512, nil)
		if err != nil {
			t.Fatal(err)
		}
		small, err := m.tiled(context.Background(), x, 80, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := whole.Sub(small).Abs().MaxAll().Item(); d > 0.2 || d == 0 { // edges of tiles see other neighbours
			t.Errorf("tiles differ by %v from the whole", d)
		}
		if d := whole.Sub(small).Abs().MeanAll().Item(); d > 1e-3 {
			t.Errorf("tiles differ by %v from the whole on average", d)
		}
	})
}

// TestInterrupted ends between tiles, and leaves nothing behind.
func TestInterrupted(t *testing.T) {
	f, m := numbers(t), load(t, "old2.safetensors")
	inScope(t, func() {
		x := tensor(t, f, "wide").DivScalar(255)
		ctx, cancel := context.WithCancel(context.Background())
		before := torch.LiveHandles()
		if _, err := m.Upscale(ctx, x, func(int, int) { cancel() }); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if left := torch.LiveHandles() - before; left != 0 {
			t.Errorf("%d tensors are left", left)
		}
	})
}

// TestOtherNetworks names what is not read.
func TestOtherNetworks(t *testing.T) {
	torchtest.Require(t)
	dir := t.TempDir()
	one := func(name string, shape ...int64) weights.Entry {
		n := int64(2)
		for _, s := range shape {
			n *= s
		}
		return weights.Entry{Name: name, DType: weights.F16, Shape: shape, Data: make([]byte, n)}
	}
	for i, c := range []struct {
		entries []weights.Entry
		want    string
	}{
		{[]weights.Entry{one("layers.0.residual_group.blocks.0.norm1.weight", 4)}, "SwinIR"},
		{[]weights.Entry{one("x.weight", 4)}, `1 tensors such as "x.weight"`},
		{[]weights.Entry{one("conv_first.weight", 8, 3, 3, 3), one("body.0.rdb1.conv1.weight", 4, 8, 3, 3)}, "conv_last.weight"},
		{[]weights.Entry{one("body.0.weight", 8, 3, 3, 3), one("body.0.bias", 8), one("body.1.weight", 8), one("body.2.weight", 10, 8, 3, 3), one("body.2.bias", 10)}, "a square number"},
	} {
		path := filepath.Join(dir, string(rune('a'+i))+".safetensors")
		if err := weights.Write(path, c.entries, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path, torch.CPU); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	if _, err := Load(filepath.Join(dir, "none.pth"), torch.CPU); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
