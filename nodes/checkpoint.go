package nodes

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/torch"
)

// checkpoints keeps each checkpoint that is in use loaded once.
type checkpoints struct {
	mu   sync.Mutex
	open map[checkpointKey]*checkpoint
}

type checkpointKey struct {
	path string
	// part is what of a model it is, see parts; several files have their paths joined by pathsJoin.
	part   string
	device torch.Device
	dtype  torch.DType
	memory int64  // see Env.MaxMemory
	shared string // see SharedWeights
	// see Env
	checkpoint, autoCheckpoint bool
	tiling                     diffusion.Tiling
	textOffload                diffusion.TextOffload
	encoders                   *diffusion.Encoders
}

// keyOf is the checkpoint at path as env has it loaded.
func keyOf(env *Env, path string) checkpointKey {
	key := checkpointKey{
		path: path, device: cmp.Or(env.Device, torch.CPU), dtype: env.DType, memory: env.MaxMemory,
		checkpoint: env.Checkpoint, autoCheckpoint: env.AutoCheckpoint, tiling: env.Tiling,
		textOffload: env.TextOffload, encoders: env.Encoders,
	}
	if env.AutoDType {
		key.dtype = diffusion.AutoDType(key.device)
	}
	if env.Shared != nil {
		key.shared = env.Shared.Key
	}
	return key
}

// checkpoint is a loaded model that several values share; the last one to go closes it.
type checkpoint struct {
	home     *checkpoints
	key      checkpointKey
	name     string // as ckpt_name gives it
	pipeline *diffusion.Pipeline
	uses     int
	// under is what this is with a LoRA added, and shares weights with; nil for a model as it was loaded.
	under *checkpoint
	notes []string // of LoRAs and shared weights
}

// acquire gives the checkpoint at key, loading it if no value holds it, with the weights that key.shared names. The caller has to release it.
func (cs *checkpoints) acquire(key checkpointKey, name string, shared *SharedWeights) (*checkpoint, error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if c, ok := cs.open[key]; ok {
		c.uses++
		return c, nil
	}
	pipeline, notes, err := key.load(shared)
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w", key.what(), name, err)
	}
	c := &checkpoint{home: cs, key: key, name: name, pipeline: pipeline, uses: 1, notes: notes}
	if cs.open == nil {
		cs.open = map[checkpointKey]*checkpoint{}
	}
	cs.open[key] = c
	return c, nil
}

// share counts one more value that holds c.
func (c *checkpoint) share() *checkpoint {
	c.home.mu.Lock()
	defer c.home.mu.Unlock()
	c.uses++
	return c
}

// release counts one less; the last one closes the pipeline.
func (c *checkpoint) release() {
	c.home.mu.Lock()
	defer c.home.mu.Unlock()
	for ; c != nil; c = c.under {
		if c.uses--; c.uses > 0 {
			return
		}
		if c.under == nil {
			delete(c.home.open, c.key)
		}
		c.pipeline.Close()
	}
}

// with gives c with a LoRA, for the caller to release; c stays in use as long.
func (c *checkpoint) with(l diffusion.LoRA, name string) (*checkpoint, error) {
	pipeline, notes, err := c.pipeline.WithLoRA(l)
	if err != nil {
		return nil, fmt.Errorf("LoRA %q: %w", name, err)
	}
	made := &checkpoint{home: c.home, key: c.key, name: c.name, pipeline: pipeline, uses: 1, under: c.share(), notes: slices.Clone(c.notes)}
	for _, note := range notes {
		made.notes = append(made.notes, fmt.Sprintf("LoRA %q: %s", name, note))
	}
	return made, nil
}
