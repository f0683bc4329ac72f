package attention_test

import (
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
)

// sound is a tap of 2 heads on a 2×3 grid with 6 image and 4 text keys.
func sound() attention.Tap {
	return attention.Tap{
		Name: "attn", Height: 2, Width: 3, Scale: 0.5, Keys: append(attention.Self(2, 3), attention.Cross(4)...),
		Q: torch.Zeros([]int64{1, 2, 6, 4}, torch.Float32, torch.CPU), K: torch.Zeros([]int64{1, 2, 10, 4}, torch.Float32, torch.CPU),
	}
}

func zeros(dtype torch.DType, shape ...int64) torch.Tensor {
	return torch.Zeros(shape, dtype, torch.CPU)
}

func TestReadRefuses(t *testing.T) {
	synthetic.In(t, func() {
		for _, c := range []struct {
			name   string
			change func(*attention.Tap)
			want   string
		}{
			{"no queries", func(tap *attention.Tap) { tap.Q = torch.Tensor{} }, "undefined"},
			{"three dimensions", func(tap *attention.Tap) { tap.K = zeros(torch.Float32, 2, 10, 4) }, "must be [1, heads, positions, d]"},
			{"a batch of two", func(tap *attention.Tap) { tap.Q = zeros(torch.Float32, 2, 2, 6, 4) }, "the batch is 2 and 1"},
			{"keys of two", func(tap *attention.Tap) { tap.K = zeros(torch.Float32, 2, 2, 10, 4) }, "the batch is 1 and 2"},
			{"other heads", func(tap *attention.Tap) { tap.K = zeros(torch.Float32, 1, 3, 10, 4) }, "heads and d must be equal"},
			{"another width", func(tap *attention.Tap) { tap.K = zeros(torch.Float32, 1, 2, 10, 5) }, "heads and d must be equal"},
			{"another grid", func(tap *attention.Tap) { tap.Width = 4 }, "there are 6 queries, the grid 2x4 has 8"},
			{"no grid", func(tap *attention.Tap) { tap.Height, tap.Width = -2, -3 }, "the grid -2x-3"},
			{"no scale", func(tap *attention.Tap) { tap.Scale = 0 }, "scale is 0"},
			{"whole numbers", func(tap *attention.Tap) { tap.Q, tap.K = tap.Q.To(torch.Int64), tap.K.To(torch.Int64) }, "same floating type"},
			{"two types", func(tap *attention.Tap) { tap.K = tap.K.To(torch.Float64) }, "same floating type"},
			{"segments too short", func(tap *attention.Tap) { tap.Keys = attention.Self(2, 3) }, "the segments have 6 keys, there are 10"},
			{"no segments", func(tap *attention.Tap) { tap.Keys = nil }, "the segments have 0 keys, there are 10"},
			{"an empty segment", func(tap *attention.Tap) { tap.Keys = append(tap.Keys, attention.Segment{Kind: attention.Text}) }, "a segment of 0 text keys"},
			{"an unknown kind", func(tap *attention.Tap) { tap.Keys = []attention.Segment{{Kind: 7, Length: 10}} }, "a segment of 10 kind 7 keys"},
			{"half an image", func(tap *attention.Tap) {
				tap.Keys = []attention.Segment{{Kind: attention.Image, Length: 3}, {Kind: attention.Text, Length: 7}}
			}, "there are 3 image keys, the grid 2x3 has 6"},
			{"a short mask", func(tap *attention.Tap) { tap.Mask = make([]bool, 4) }, "the mask is for 4 keys, there are 10"},
		} {
			tap := sound()
			c.change(&tap)
			_, err := attention.Read([]attention.Tap{tap})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `tap "attn"`) {
				t.Errorf("%s: got %v, expected %q", c.name, err, c.want)
			}
		}
	})
}

// All mistakes are reported, each with its tap's name; sound taps are read all the same.
func TestReadReportsAllMistakes(t *testing.T) {
	synthetic.In(t, func() {
		first, second, third, fourth := sound(), sound(), sound(), sound()
		first.Name, second.Name, third.Name, fourth.Name = "one", "two", "three", "four"
		first.Scale = -1
		third.Q = torch.Tensor{}
		fourth.K, fourth.Keys = zeros(torch.Float32, 1, 2, 5, 4), attention.Cross(5)
		r, err := attention.Read([]attention.Tap{first, second, third, fourth})
		for _, want := range []string{`tap "one": scale`, `tap "three": queries or keys`, `tap "four": there are 5 tokens, other layers have 4`} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v does not have %q", err, want)
			}
		}
		if len(r.Taps) != 1 || r.Tokens != 4 || r.Top.String() != "2x3" {
			t.Errorf("%d taps, %d tokens, top %s", len(r.Taps), r.Tokens, r.Top)
		}
	})
}

func TestReadOfSoundTaps(t *testing.T) {
	synthetic.In(t, func() {
		joint, self, cross := sound(), sound(), sound()
		self.Height, self.Width, self.Q, self.K = 4, 6, zeros(torch.BFloat16, 1, 1, 24, 8), zeros(torch.BFloat16, 1, 1, 24, 8)
		self.Keys = attention.Self(4, 6)
		cross.K, cross.Keys, cross.Mask = zeros(torch.Float16, 1, 2, 4, 4), attention.Cross(4), []bool{true, true, false, false}
		cross.Q = cross.Q.To(torch.Float16)
		r, err := attention.Read([]attention.Tap{joint, self, cross})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Taps) != 3 || r.Tokens != 4 || r.Top.String() != "4x6" || !r.Half {
			t.Errorf("%d taps, %d tokens, top %s, half %v", len(r.Taps), r.Tokens, r.Top, r.Half)
		}
		wide := sound()
		wide.Height, wide.Width, wide.Keys = 1, 8, attention.Cross(4)
		wide.Q, wide.K = zeros(torch.Float32, 1, 2, 8, 4), zeros(torch.Float32, 1, 2, 4, 4)
		// One tap in float16 is enough wherever it stands, and a grid is finer by its positions, not by one side.
		if r, err = attention.Read([]attention.Tap{cross, self, wide}); err != nil || !r.Half || r.Top.String() != "4x6" {
			t.Errorf("top %s, half %v, %v", r.Top, r.Half, err)
		}
		if r, err = attention.Read(nil); err != nil || len(r.Taps) != 0 || r.Top.Pixels() != 0 {
			t.Errorf("nothing was read as %+v, %v", r, err)
		}
	})
}
