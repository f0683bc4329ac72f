package guidance

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/nodes"
	"github.com/isac-guidance/isac/plugin/isacpb"
)

// maxSharedWeights is the most tensors that a host shares: ten times what a large model has.
const maxSharedWeights = 100_000

// checkSharedWeights says what is wrong with the shared weights of a request, before any is opened.
func checkSharedWeights(r *isacpb.GuidanceOpen, wrong *mistakes) {
	if len(r.SharedWeights) > maxSharedWeights {
		wrong.add("shared_weights", "%d tensors, expected at most %d", len(r.SharedWeights), maxSharedWeights)
		return
	}
	seen := map[string]bool{}
	for _, w := range r.SharedWeights {
		dtype, ok := types[w.Dtype]
		switch {
		case w.Name == "" || seen[w.Name]:
			wrong.add("shared_weights", "a tensor %q: expected a name of the checkpoint's file, each once", w.Name)
		case !ok:
			wrong.add("shared_weights", "%s has type %s: it must be float32, float16 or bfloat16", w.Name, w.Dtype)
		case len(w.Handle) != torch.SharedHandleBytes:
			wrong.add("shared_weights", "%s has a handle of %d bytes, expected the %d of a cudaIpcMemHandle_t", w.Name, len(w.Handle), torch.SharedHandleBytes)
		case w.Offset < 0 || w.Offset%int64(dtype.Bytes()) != 0:
			wrong.add("shared_weights", "%s begins at %d: expected a multiple of the %d bytes of an element", w.Name, w.Offset, dtype.Bytes())
		}
		for _, n := range w.Shape {
			if n < 1 {
				wrong.add("shared_weights", "%s has shape %v: every side is 1 or more", w.Name, w.Shape)
				break
			}
		}
		seen[w.Name] = true
	}
}

// openSharedTensor is torch.OpenShared.
type openSharedTensor func(handle []byte, offset int64, dtype torch.DType, device torch.Device, shape ...int64) torch.Tensor

// sharedWeights are the weights of a request for the loader, nil for none.
func sharedWeights(r *isacpb.GuidanceOpen, device torch.Device, open openSharedTensor) *nodes.SharedWeights {
	if len(r.SharedWeights) == 0 {
		return nil
	}
	sum := sha256.New()
	for _, w := range r.SharedWeights {
		text, err := proto.MarshalOptions{Deterministic: true}.Marshal(w)
		if err != nil {
			continue // it came as a message
		}
		fmt.Fprintf(sum, "%d\n%s", len(text), text)
	}
	return &nodes.SharedWeights{Key: hex.EncodeToString(sum.Sum(nil)), Open: func() (map[string]torch.Tensor, error) {
		if !strings.HasPrefix(string(device), "cuda") {
			return nil, fmt.Errorf("this process computes on %s, expected the host's CUDA device", device)
		}
		given := map[string]torch.Tensor{}
		for _, w := range r.SharedWeights {
			err := torch.Try(func() error {
				given[w.Name] = open(w.Handle, w.Offset, types[w.Dtype], device, w.Shape...)
				return nil
			})
			if err != nil { // what is open already is closed with the scope
				return nil, err
			}
		}
		return given, nil
	}}
}
