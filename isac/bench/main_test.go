package bench

import (
	"os"
	"testing"
)

// One thread, as each process of a bench of several has it: other numbers round differently.
func TestMain(m *testing.M) {
	os.Setenv("OMP_NUM_THREADS", "1")
	os.Exit(m.Run())
}
