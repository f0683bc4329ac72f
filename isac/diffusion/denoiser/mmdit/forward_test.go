package mmdit

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

func TestRecordingChangesNothing(t *testing.T) {
	torchtest.Require(t)
	f, m := fixture.Open(t, "tiny-sd3"), tiny(t)
	fixture.InScope(t, func() {
		plain := forward(t, f, m, f.Tensor("mmdit.x"), 7, nil)
		recorded := forward(t, f, m, f.Tensor("mmdit.x"), 7, &attention.Recorder{})
		if !slices.Equal(plain.Float32s(), recorded.Float32s()) {
			t.Error("the output differs when layers are recorded")
		}
	})
}

func TestForwardFreesWhatItMade(t *testing.T) {
	torchtest.Require(t)
	f, m := fixture.Open(t, "tiny-sd3"), tiny(t)
	fixture.InScope(t, func() {
		x, text, vector := f.Tensor("mmdit.x"), f.Tensor("mmdit.context"), f.Tensor("mmdit.vector")
		for _, grad := range []bool{false, true} {
			m.Checkpoint(grad)
			run := func(rec *attention.Recorder) int {
				before := torch.LiveHandles()
				if _, err := m.ForwardContext(context.Background(), x, 7, text, vector, rec); err != nil {
					t.Fatal(err)
				}
				return torch.LiveHandles() - before
			}
			body := func() {
				if made := run(nil); made != 1 {
					t.Errorf("%d tensors were left, want the output alone", made)
				}
				rec := &attention.Recorder{}
				if made := run(rec); made != 1+2*len(rec.Taps()) {
					t.Errorf("%d tensors were left, want the output and %d queries and keys", made, 2*len(rec.Taps()))
				}
			}
			if grad {
				x = x.SetRequiresGrad(true)
				torch.WithGrad(body)
			} else {
				body()
			}
		}
	})
}

// cancelAfter is a context that is done once it was asked n times.
type cancelAfter struct {
	context.Context
	n *int
}

func (c cancelAfter) Err() error {
	if *c.n--; *c.n < 0 {
		return context.Canceled
	}
	return nil
}

func TestCancelledForwardStops(t *testing.T) {
	torchtest.Require(t)
	f, m := fixture.Open(t, "tiny-sd3"), tiny(t)
	fixture.InScope(t, func() {
		x, text, vector := f.Tensor("mmdit.x"), f.Tensor("mmdit.context"), f.Tensor("mmdit.vector")
		before := torch.LiveHandles()
		for blocks := range 3 {
			n := blocks
			if _, err := m.ForwardContext(cancelAfter{context.Background(), &n}, x, 7, text, vector, nil); !errors.Is(err, context.Canceled) {
				t.Errorf("after %d blocks: got %v, want context.Canceled", blocks, err)
			}
			if n != -1 {
				t.Errorf("after %d blocks: it went on after the context was done", blocks)
			}
		}
		if left := torch.LiveHandles() - before; left != 0 {
			t.Errorf("%d tensors were left", left)
		}
	})
}

func TestShapesThatDoNotFitAreErrors(t *testing.T) {
	torchtest.Require(t)
	m := tiny(t)
	for _, c := range []struct {
		name            string
		x, text, vector []int64
		want            string
	}{
		{"three channels", []int64{1, 3, 8, 8}, []int64{1, 10, 48}, []int64{1, 40}, ""},
		{"narrow conditioning", []int64{1, 8, 8, 8}, []int64{1, 10, 47}, []int64{1, 40}, ""},
		{"narrow pooled text", []int64{1, 8, 8, 8}, []int64{1, 10, 48}, []int64{1, 39}, ""},
		{"a batch that differs", []int64{2, 8, 8, 8}, []int64{3, 10, 48}, []int64{2, 40}, ""},
		{"an image that is too large", []int64{1, 8, 8, 17}, []int64{1, 10, 48}, []int64{1, 40}, "8×17 pixels takes 4×9 patches, the model has positions for 8×8"},
		{"no batch", []int64{8, 8, 8}, []int64{1, 10, 48}, []int64{1, 40}, "expected [B,8,H,W] and [B,L,48]"},
	} {
		err := torch.InScope(func() error {
			_, err := m.ForwardContext(context.Background(), torch.Zeros(c.x, torch.Float32, torch.CPU), 1,
				torch.Zeros(c.text, torch.Float32, torch.CPU), torch.Zeros(c.vector, torch.Float32, torch.CPU), nil)
			return err
		})
		var e *torch.Error
		if c.want == "" && !errors.As(err, &e) {
			t.Errorf("%s: got %v, want a *torch.Error", c.name, err)
		}
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// bfloat16 stays near float32: nothing on the way changes type by accident.
func TestBFloat16(t *testing.T) {
	torchtest.Require(t)
	f, m := fixture.Open(t, "tiny-sd3"), openAs(t, torch.BFloat16)
	fixture.InScope(t, func() {
		half := func(name string) torch.Tensor { return f.Tensor(name).To(torch.BFloat16) }
		out, err := m.ForwardContext(context.Background(), half("mmdit.x"), 500, half("mmdit.context"), half("mmdit.vector"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if out.DType() != torch.BFloat16 {
			t.Errorf("the output is %v", out.DType())
		}
		f.Near("mmdit.out.500", out, 0.1)
	})
}
