package attention_test

import (
	"errors"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
)

// listed are network's layers before anything is evaluated.
func listed() []attention.Tap {
	var layers []attention.Tap
	for _, name := range order {
		layers = append(layers, attention.Tap{Name: name, Height: 2, Width: 3, Keys: attention.Self(2, 3)})
	}
	return layers
}

// TestOnlineIsAccumulate holds SA, rows of it and their gradient equal, made of queries and keys or while the network is evaluated: in
// checkpoints, beside layers that are in none, and where a layer is not read.
func TestOnlineIsAccumulate(t *testing.T) {
	opt := attention.Options{DetachSelf: true}
	pixels := []int{1, 4}
	for name, reads := range map[string][]bool{"all": nil, "some": {true, true, false, true, true, false}} {
		synthetic.In(t, func() {
			var maps, rows, grads [2][]float64
			for i := range 2 {
				x, r := input().SetRequiresGrad(true), &attention.Recorder{}
				if i == 1 {
					r.Online = attention.NewOnline(opt, listed(), reads, torch.Float64, torch.CPU)
				}
				network(x, r, true)
				for j, tap := range r.Taps() {
					if gone := i == 1 && j > 0 && j < 5; tap.Q.Defined() == gone || tap.Name != order[j] {
						t.Errorf("%s: tap %q holds queries: %v", name, tap.Name, !gone)
					}
				}
				reading, err := attention.Read(r.Taps())
				if err != nil {
					t.Fatal(err)
				}
				j := -1
				reading = reading.Only(func(attention.Tap) bool { j++; return reads == nil || reads[j] })
				sa, ca := attention.Accumulate(reading, opt)
				if sa.RequiresGrad() || ca.Defined() {
					t.Errorf("%s: SA has a gradient, or there is a CA", name)
				}
				maps[i] = sa.Float64s()
				some, err := attention.Rows(reading, opt, pixels, func() torch.Tensor {
					return sa.IndexSelect(0, torch.FromInt64s([]int64{1, 4}, 2))
				})
				if err != nil {
					t.Fatal(err)
				}
				rows[i] = some.Detach().Float64s()
				weights := torch.Linspace(0, 1, 12, torch.Float64, torch.CPU).Reshape(2, 6)
				grads[i] = torch.Grad(some.Square().Mul(weights).SumAll(), x)[0].Float64s()
			}
			near(t, name+": SA", maps[1], maps[0])
			near(t, name+": rows", rows[1], rows[0])
			near(t, name+": gradient", grads[1], grads[0])
		})
	}
}

// TestOnlineHasRoomForSomeRows holds that more rows than there is room for are an error that says so, and that maps are there once.
func TestOnlineHasRoomForSomeRows(t *testing.T) {
	synthetic.In(t, func() {
		const side = 9
		x := torch.Linspace(-1, 1, side*side*2, torch.Float64, torch.CPU).Reshape(1, 1, side*side, 2).Clone().SetRequiresGrad(true)
		layer := attention.Tap{Name: "one", Height: side, Width: side, Scale: 1, Keys: attention.Self(side, side)}
		opt := attention.Options{DetachSelf: true}
		r := &attention.Recorder{Online: attention.NewOnline(opt, []attention.Tap{layer}, nil, torch.Float64, torch.CPU)}
		r.Checkpoint(func(in []torch.Tensor, r *attention.Recorder) []torch.Tensor {
			layer.Q, layer.K = in[0].Sin(), in[0].Cos()
			r.Add(layer)
			return in
		}, x)
		reading, err := attention.Read(r.Taps())
		if err != nil {
			t.Fatal(err)
		}
		sa, _ := attention.Accumulate(reading, opt)
		known := func(n int64) func() torch.Tensor { return func() torch.Tensor { return sa.Narrow(0, 0, n) } }
		pixels := make([]int, side*side)
		for i := range pixels {
			pixels[i] = i
		}
		if _, err := attention.Rows(reading, opt, pixels, known(side*side)); !errors.Is(err, attention.ErrManyRows) {
			t.Errorf("%d rows: %v", len(pixels), err)
		}
		if rows, err := attention.Rows(reading, opt, pixels[:64], known(64)); err != nil || rows.Size(0) != 64 {
			t.Errorf("64 rows: %v", err)
		}
		defer func() {
			if recover() == nil {
				t.Error("the sums were handed out twice")
			}
		}()
		attention.Accumulate(reading, opt)
	})
}
