// Package torchtest is for tests that need libtorch.
package torchtest

import (
	"os"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
)

// RequireEnv is the environment variable that turns a missing library from a skipped test into a failed one.
const RequireEnv = "ISAC_REQUIRE_TORCH"

// Require loads libtorch or skips the test, and lets the test fail if more tensors are alive at its end than now. Call it first,
// so that its check runs after the test's own clean-up. Tensors are counted for the whole process: a test that uses it must not
// be parallel, and what is shared between tests must be loaded before.
func Require(t testing.TB) {
	t.Helper()
	if err := torch.Load(""); err != nil {
		if os.Getenv(RequireEnv) == "" {
			t.Skipf("%v", err)
		}
		t.Fatalf("%v", err)
	}
	before := torch.LiveHandles()
	t.Cleanup(func() {
		if after := torch.LiveHandles(); after > before {
			t.Errorf("%d tensors are alive, %d at the start of the test:\n%s", after, before, strings.Join(torch.LiveList(20), "\n"))
		}
	})
}

// DeviceEnv is the environment variable that names the device on which tests that can compute anywhere do so, as "cuda:0"; without it
// they stay on the CPU.
const DeviceEnv = "ISAC_TEST_DEVICE"

// Put copies a tensor to the tests' device, into the current scope; it closes x where that is another one.
func Put(x torch.Tensor) torch.Tensor {
	dev := torch.Device(os.Getenv(DeviceEnv))
	if dev == "" || dev == x.Device() {
		return x
	}
	return torch.Scoped(func() torch.Tensor { return x.ToDevice(dev) })
}

// SameBits skips a test of bits that come out alike twice where the tests' device does not do that: CUDA adds up gradients in any order.
func SameBits(t testing.TB) {
	t.Helper()
	if dev := os.Getenv(DeviceEnv); dev != "" && dev != string(torch.CPU) {
		t.Skipf("%s does not give the same bits twice", dev)
	}
}
