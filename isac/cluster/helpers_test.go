package cluster

// usual is what ISAC clusters with.
var usual = Options{Iterations: 25, Restarts: 4, Warm: true}

func ints(values []int64) []int {
	out := make([]int, len(values))
	for i, v := range values {
		out[i] = int(v)
	}
	return out
}
