package bench

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// narrow gives the sizes of Stable Diffusion 1.5 with a tenth of the UNet's channels, a twelfth of the text model's and a fourth of
// the autoencoder's: everything that is counted or detected from shapes (levels, layers, heads, groups) stays what it is.
func narrow(name string, n int64) int64 {
	switch {
	case strings.HasPrefix(name, "first_stage_model.") && n >= 128:
		return n / 4
	case n == 768 || n == 3072:
		return n / 12
	case n >= 320 && n%320 == 0:
		return n / 10
	}
	return n
}

// randomCheckpoint writes a single file with the tensors of Stable Diffusion 1.5 under their own names and weights of no meaning,
// narrow unless ISAC_LARGE is set (then it takes 4 GB of disk and of memory).
func randomCheckpoint(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../diffusion/weights/testdata/sd15_ldm.txt")
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 5))
	var entries []weights.Entry
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		e := weights.Entry{Name: fields[0], DType: weights.F32}
		size, in := int64(1), int64(1)
		for i, f := range fields[1:] {
			n, err := strconv.ParseInt(f, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			if os.Getenv("ISAC_LARGE") == "" {
				n = narrow(e.Name, n)
			}
			e.Shape, size = append(e.Shape, n), size*n
			if i > 0 {
				in *= n
			}
		}
		e.Data = make([]byte, 4*size)
		for i := range size {
			v := random.NormFloat64() / math.Sqrt(float64(in))
			switch {
			case strings.HasSuffix(e.Name, ".bias"):
				v = 0
			case len(e.Shape) == 1: // of a norm
				v = 1
			}
			binary.LittleEndian.PutUint32(e.Data[4*i:], math.Float32bits(float32(v)))
		}
		entries = append(entries, e)
	}
	path := filepath.Join(t.TempDir(), "random-sd15.safetensors")
	if err := weights.Write(path, entries, nil); err != nil {
		t.Fatal(err)
	}
	return path
}
