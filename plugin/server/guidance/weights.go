package guidance

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/nodes"
	"github.com/isac-guidance/isac/plugin/isacpb"
)

// checkWeights says what is wrong with the weights of a request, without the model.
func checkWeights(r *isacpb.GuidanceOpen, wrong *mistakes) {
	for _, w := range r.Weights {
		if w.Name == "" {
			wrong.add("weights", "a tensor without a name: give its name in a checkpoint of one file")
		}
		if _, ok := types[w.Dtype]; !ok {
			wrong.add("weights", "%s has type %s: it must be float32, float16 or bfloat16", w.Name, w.Dtype)
		}
		if len(w.Sha256) != sha256.Size {
			wrong.add("weights", "%s: a SHA-256 has %d bytes, given are %d", w.Name, sha256.Size, len(w.Sha256))
		}
	}
}

// compare holds the weights of the host's model against those of the checkpoint's files, which are read for it: those that are loaded may be in
// another type. It is for the thread that owns libtorch.
func (c *call) compare(r *isacpb.GuidanceOpen) error {
	path := nodes.Checkpoints(c.host.Env().ModelPaths)[r.Checkpoint]
	if len(r.Weights) == 0 || path == "" { // the loader says that there is no such checkpoint
		return nil
	}
	files, err := family.Open(path)
	if err != nil {
		return err
	}
	defer files.Close()
	var missing, differ []string
	for _, w := range r.Weights {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		same := false
		err := torch.InScope(func() error {
			t, err := files.ReleasedWeight(w.Name)
			if err == nil {
				sum := sha256.Sum256(t.To(types[w.Dtype]).Contiguous().Bytes())
				same = bytes.Equal(sum[:], w.Sha256)
			}
			return err
		})
		switch {
		case errors.Is(err, weights.ErrMissing):
			missing = append(missing, w.Name)
		case err != nil:
			return err
		case !same:
			differ = append(differ, w.Name)
		}
	}
	var said []string
	if len(differ) == 1 {
		said = append(said, differ[0]+" differs")
	} else if len(differ) > 1 {
		said = append(said, named(differ)+" differ")
	}
	if len(missing) > 0 {
		said = append(said, "it has no "+named(missing))
	}
	if len(said) == 0 {
		return nil
	}
	var wrong mistakes
	wrong.add("weights", "checkpoint %q is not the model that the host evaluates: %s (choose the file that the host loaded)", r.Checkpoint, strings.Join(said, "; "))
	return wrong.err()
}

// mostNamed is how many tensors a sentence names.
const mostNamed = 3

func named(names []string) string {
	text := strings.Join(names[:min(len(names), mostNamed)], ", ")
	if rest := len(names) - mostNamed; rest > 0 {
		text += fmt.Sprintf(" and %d more", rest)
	}
	return text
}
