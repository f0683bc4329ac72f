package diffusion

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// wide is a guided run of the tiny model whose activations take much more than all else.
func wide(t *testing.T, p *Pipeline) SampleRequest {
	t.Helper()
	r := request(t, p)
	r.Steps, r.Width, r.Height, r.Guidance = 1, 96, 96, guided(r.Positive)
	return r
}

// held is how much of libtorch's memory fn takes at most beside what is taken before, in bytes.
func held(fn func()) int64 {
	torch.ResetPeak(torch.CPU)
	before := torch.MemoryStats(torch.CPU)
	fn()
	return torch.MemoryStats(torch.CPU).TensorsPeak - before.Tensors
}

const limited = "ISAC_TEST_LIMITED" // names what a limited process is to do

// What ran out of memory is tried once more with less, and says both numbers where that does not help. The memory is really limited: by
// libtorch's allocator, in a process of its own.
func TestOutOfMemory(t *testing.T) {
	torchtest.Require(t)
	before := automatic
	automatic = Tile{Size: 64, Overlap: 16}
	defer func() { automatic = before }()
	if what := os.Getenv(limited); what != "" {
		limitedRuns[what](t)
		return
	}
	p := loadTiny(t)
	loaded := torch.MemoryStats(torch.CPU).Tensors
	run := func(p *Pipeline) func() { return func() { sample(t, p, wide(t, p)) } }
	plain := held(run(p))
	sparing := load(t, fixture.Dir("tiny"), LoadOptions{Checkpoint: true})
	checkpointed := held(run(sparing))
	both := held(func() { sample(t, p, pair(t, p)) })
	decode := func(tile *Tile) int64 {
		return held(func() {
			image, err := p.decodeEmpty(t.Context(), 256, 256, 1, tile)
			if err != nil {
				t.Fatal(err)
			}
			image.Close()
		})
	}
	whole, tiled := decode(nil), decode(&automatic)
	t.Logf("a guided step takes %d KiB, with checkpoints %d; decoding %d KiB, in tiles %d", plain>>10, checkpointed>>10, whole>>10, tiled>>10)
	if plain*10 > both*9 || checkpointed*10 > plain*9 || tiled*10 > whole*9 {
		t.Fatal("less memory is hardly less")
	}
	for what, limit := range map[string]int64{
		"pair":        loaded + (both+plain)/2,
		"checkpoints": loaded + (plain+checkpointed)/2,
		"tiles":       loaded + (whole+tiled)/2,
		"nothing":     loaded + checkpointed/2,
	} {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestOutOfMemory$", "-test.v")
		cmd.Env = append(os.Environ(), limited+"="+what, fmt.Sprintf("ISAC_MEMORY_LIMIT=%d", limit))
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%s: %v\n%s", what, err, out)
		}
	}
}

// pair is wide of two images.
func pair(t *testing.T, p *Pipeline) SampleRequest {
	t.Helper()
	r := wide(t, p)
	r.Batch, r.Steps = 2, 2
	return r
}

var limitedRuns = map[string]func(*testing.T){
	"pair": func(t *testing.T) {
		p := loadTiny(t)
		r := pair(t, p)
		got, reports := sample(t, p, r)
		if p.spared.from != 0 || reports[1][0].Moves == 0 || reports[1][1].Moves == 0 {
			t.Errorf("memory is spared from %v pixels on; %+v", p.spared.from, reports)
		}
		pl, err := p.plan(&r)
		if err != nil || pl.part != 2 {
			t.Fatal(pl.part, err)
		}
		near(t, got, inParts(t, p, r, pl, 1), 1e-3)
	},
	"checkpoints": func(t *testing.T) {
		p := loadTiny(t)
		got, reports := sample(t, p, wide(t, p))
		if p.spared.from != 24*24 || reports[0][0].Moves == 0 {
			t.Errorf("memory is spared from %v pixels on; %+v", p.spared.from, reports[0][0])
		}
		want, _ := sample(t, p, wide(t, p)) // with checkpoints from the beginning
		near(t, got, want, 1e-6)
		for _, v := range got {
			if math.IsNaN(float64(v)) {
				t.Fatal("not a number")
			}
		}
	},
	"tiles": func(t *testing.T) {
		p := loadTiny(t)
		image, err := p.DecodeEmpty(t.Context(), 256, 256, 1)
		if err != nil {
			t.Fatal(err)
		}
		image.Close()
		p.tiling = TilingOff
		_, err = p.DecodeEmpty(t.Context(), 256, 256, 1)
		fixture.Mentions(t, err, "an image of 256×256 pixels: memory ran out: this needs about", "are free", "ISAC_MEMORY_LIMIT")
	},
	"nothing": func(t *testing.T) {
		p := loadTiny(t)
		r := wide(t, p)
		before := torch.LiveHandles()
		_, _, err := p.Sample(context.Background(), r)
		short := (*MemoryError)(nil)
		if !errors.As(err, &short) || !torch.IsOutOfMemory(err) || short.Need <= 0 || short.Free <= 0 {
			t.Errorf("%v", err)
		}
		fixture.Mentions(t, err, "memory ran out, also with", "this needs about", "are free", "make fewer or smaller images", "--dtype")
		if left := torch.LiveHandles() - before; left > 0 {
			t.Errorf("%d tensors are left", left)
		}
		small := request(t, p)
		small.Guidance = guided(small.Positive)
		sample(t, p, small) // the process goes on
	},
}
