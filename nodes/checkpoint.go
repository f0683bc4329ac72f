package nodes

import (
	"fmt"
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
	path   string
	device torch.Device
	dtype  torch.DType
	memory int64 // see Env.MaxMemory
}

// checkpoint is a loaded model that several values share; the last one to go closes it.
type checkpoint struct {
	home     *checkpoints
	key      checkpointKey
	name     string // as ckpt_name gives it
	pipeline *diffusion.Pipeline
	uses     int
}

// acquire gives the checkpoint at key, loading it if no value holds it. The caller has to release it.
func (cs *checkpoints) acquire(key checkpointKey, name string) (*checkpoint, error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if c, ok := cs.open[key]; ok {
		c.uses++
		return c, nil
	}
	pipeline, err := diffusion.Load(key.path, diffusion.LoadOptions{Device: key.device, DType: key.dtype, MaxMemory: key.memory})
	if err != nil {
		return nil, fmt.Errorf("checkpoint %q: %w", name, err)
	}
	c := &checkpoint{home: cs, key: key, name: name, pipeline: pipeline, uses: 1}
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
	if c.uses--; c.uses == 0 {
		delete(c.home.open, c.key)
		c.pipeline.Close()
	}
}
