package attention_test

import (
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
)

// TestRowsAtEqualsRows holds rows of SA and their gradient equal, of pixels that Go knows and that the device alone knows.
func TestRowsAtEqualsRows(t *testing.T) {
	for seed := range uint64(20) {
		synthetic.In(t, func() {
			model := synthetic.NewRandom(t, seed)
			var rows, gradients [2][]float64
			for i := range 2 {
				x := synthetic.NewLatent(t, seed, torch.Float64).SetRequiresGrad(true)
				torch.WithGrad(func() {
					taps, err := model.Taps(x, 0)
					if err != nil {
						t.Fatal(err)
					}
					r, err := attention.Read(taps)
					if err != nil {
						t.Fatal(err)
					}
					opt := attention.Options{DivideUpsampled: seed%2 == 0, Renormalise: seed%3 == 0, DetachSelf: true}
					pixels, index := []int{0, 7, 8, 23, 40, 63}, make([]int64, 6)
					for j, p := range pixels {
						pixels[j] = p % r.Top.Pixels()
						index[j] = int64(pixels[j])
					}
					var some torch.Tensor
					if i == 1 {
						some = attention.RowsAt(r, opt, torch.FromInt64s(index, int64(len(index))))
					} else if some, err = attention.Rows(r, opt, pixels, nil); err != nil {
						t.Fatal(err)
					}
					rows[i] = some.Detach().Float64s()
					gradients[i] = torch.Grad(some.Square().SumAll(), x)[0].Float64s()
				})
			}
			near(t, "rows", rows[1], rows[0])
			near(t, "gradient", gradients[1], gradients[0])
		})
	}
}
