package guidance

import (
	"math"
	"testing"

	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
)

// TestRandomDirectionIsEven holds that a random step has no favourite direction: of normal numbers of variance 1/n, the mean, the
// variance and the kurtosis.
func TestRandomDirectionIsEven(t *testing.T) {
	synthetic.In(t, func() {
		like := torch.Zeros([]int64{1, 4, 100, 100}, torch.Float32, torch.CPU)
		var sum, square, fourth float64
		values := randomLike(like, 7, 0).Float64s()
		for _, v := range values {
			v *= math.Sqrt(float64(len(values)))
			sum, square, fourth = sum+v, square+v*v, fourth+v*v*v*v
		}
		n := float64(len(values))
		if math.Abs(sum/n) > 0.02 || math.Abs(square/n-1) > 1e-4 || math.Abs(fourth/n-3) > 0.2 {
			t.Errorf("mean %v, variance %v, fourth moment %v, want 0, 1, 3", sum/n, square/n, fourth/n)
		}
	})
}
