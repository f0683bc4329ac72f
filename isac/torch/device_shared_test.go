package torch_test

import (
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestOpenSharedRefuses holds what is refused before anything of a device is asked: a second process that shares memory needs a GPU.
func TestOpenSharedRefuses(t *testing.T) {
	torchtest.Require(t)
	for says, open := range map[string]func(){
		"a handle of 3 bytes, expected 64": func() { torch.OpenShared(make([]byte, 3), 0, torch.Float32, "cuda:0", 1) },
		"there is no such CUDA device":     func() { torch.OpenShared(make([]byte, torch.SharedHandleBytes), 0, torch.Float32, torch.CPU, 1) },
	} {
		err := torch.Try(func() error { open(); return nil })
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, expected %q", err, says)
		}
	}
}
