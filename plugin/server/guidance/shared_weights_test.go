package guidance

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
	"github.com/isac-guidance/isac/plugin/isacpb"
)

func sharedWeight(name string, handle byte, offset int64, shape ...int64) *isacpb.SharedWeight {
	return &isacpb.SharedWeight{Name: name, Dtype: isacpb.DType_DTYPE_FLOAT16, Shape: shape, Handle: slices.Repeat([]byte{handle}, torch.SharedHandleBytes), Offset: offset}
}

func TestSharedWeightsAreChecked(t *testing.T) {
	good := sharedWeight("a", 1, 2, 3)
	for says, change := range map[string]func(w *isacpb.SharedWeight){
		"":                             func(*isacpb.SharedWeight) {},
		"expected a name":              func(w *isacpb.SharedWeight) { w.Name = "" },
		"must be float32":              func(w *isacpb.SharedWeight) { w.Dtype = isacpb.DType_DTYPE_UNSPECIFIED },
		"a handle of 63 bytes":         func(w *isacpb.SharedWeight) { w.Handle = w.Handle[1:] },
		"begins at -2":                 func(w *isacpb.SharedWeight) { w.Offset = -2 },
		"begins at 3: expected":        func(w *isacpb.SharedWeight) { w.Offset = 3 },
		"every side is 1 or more":      func(w *isacpb.SharedWeight) { w.Shape = []int64{2, 0} },
		"every side is 1 or more\x00-": func(w *isacpb.SharedWeight) { w.Shape = []int64{-1} },
	} {
		w := sharedWeight(good.Name, 1, 2, 3)
		change(w)
		var wrong mistakes
		checkSharedWeights(&isacpb.GuidanceOpen{SharedWeights: []*isacpb.SharedWeight{sharedWeight("b", 1, 0, 1), w}}, &wrong)
		says, _, _ = strings.Cut(says, "\x00")
		if err := wrong.err(); (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%v, expected %q", err, says)
		}
	}
	var wrong mistakes
	checkSharedWeights(&isacpb.GuidanceOpen{SharedWeights: []*isacpb.SharedWeight{good, good}}, &wrong)
	if wrong.err() == nil {
		t.Error("a name twice was taken")
	}
}

// TestSharedWeightsAreOpened plays the device: what would be opened there is made on the CPU.
func TestSharedWeightsAreOpened(t *testing.T) {
	torchtest.Require(t)
	live := torch.LiveHandles()
	r := &isacpb.GuidanceOpen{SharedWeights: []*isacpb.SharedWeight{sharedWeight("a", 1, 0, 2), sharedWeight("b", 1, 4, 1, 3)}}
	play := func(handle []byte, offset int64, dtype torch.DType, device torch.Device, shape ...int64) torch.Tensor {
		if offset == 1000 {
			panic(&torch.Error{Kind: torch.KindArgument, Op: "open_shared", Message: "beyond"})
		}
		if handle[0] != 1 || device != "cuda:1" || dtype != torch.Float16 || (offset == 4) != (len(shape) == 2) {
			t.Errorf("opened %v at %d as %v %v on %s", handle[:1], offset, dtype, shape, device)
		}
		return torch.Zeros(shape, dtype, torch.CPU)
	}
	shared := sharedWeights(r, "cuda:1", play)
	err := torch.InScope(func() error {
		given, err := shared.Open()
		if len(given) != 2 || !slices.Equal(given["b"].Shape(), []int64{1, 3}) {
			t.Errorf("got %v", given)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if other := sharedWeights(r, "cuda:1", play); other.Key != shared.Key {
		t.Error("the same memory has two keys")
	}
	r.SharedWeights[1].Offset = 1000
	other := sharedWeights(r, "cuda:1", play)
	if other.Key == shared.Key {
		t.Error("other memory has the same key")
	}
	err = torch.InScope(func() error { _, err := other.Open(); return err })
	if failed := (*torch.Error)(nil); !errors.As(err, &failed) {
		t.Errorf("%v, expected the device's error", err)
	}
	if _, err := sharedWeights(r, torch.CPU, play).Open(); err == nil || !strings.Contains(err.Error(), "computes on cpu") {
		t.Errorf("on the CPU: %v", err)
	}
	if sharedWeights(&isacpb.GuidanceOpen{}, "cuda:0", play) != nil {
		t.Error("nothing is shared, and it is opened")
	}
	if torch.LiveHandles() != live {
		t.Errorf("%d handles live, expected %d", torch.LiveHandles(), live)
	}
}
