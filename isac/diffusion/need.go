package diffusion

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/isac-guidance/isac/isac/attention"
	backbone "github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/internal/memory"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// MemoryError says that something needs more memory than there is. Without a Cause nothing was allocated for it.
type MemoryError struct {
	// What needs it: "4 images of 512×512 pixels"; Device is where: "cpu" for the machine's memory.
	What   string
	Device torch.Device
	// Need is what it takes at least, in bytes, beside what is taken already; Free is what there is, Total what there would be if
	// nothing were taken.
	Need, Free, Total int64
	// Bounded says that Free and Total are what LoadOptions.MaxMemory leaves, and not what the device has.
	Bounded bool
	// Cause is libtorch's error where memory ran out although the estimate fit: torch.IsOutOfMemory knows it. Tried is what was done to
	// take less before: "gradient checkpoints", "tiles of 512 pixels".
	Cause error
	Tried []string
}

// Unwrap gives Cause.
func (e *MemoryError) Unwrap() error { return e.Cause }

// Error gives both numbers.
func (e *MemoryError) Error() string {
	where := "on this machine"
	if e.Device != torch.CPU {
		where = "on " + string(e.Device)
	}
	if e.Bounded {
		where = "to this process (--max-memory)"
	}
	numbers := fmt.Sprintf("this needs about %s of memory and %s of %s are free %s", inBytes(e.Need), inBytes(e.Free), inBytes(e.Total), where)
	if e.Cause == nil {
		return fmt.Sprintf("%s: %s: make fewer or smaller images, or free memory", e.What, numbers)
	}
	tried := ""
	if len(e.Tried) > 0 {
		tried = ", also with " + strings.Join(e.Tried, " and ")
	}
	return fmt.Sprintf("%s: memory ran out%s: %s: make fewer or smaller images, load the model in a smaller type (--dtype), or free memory: %v",
		e.What, tried, numbers, e.Cause)
}

// Fits says whether it would fit if nothing else took memory.
func (e *MemoryError) Fits() bool { return e.Need <= e.Total }

// inBytes is a number of bytes for people.
func inBytes(n int64) string {
	if n >= 1<<30 {
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%.0f MiB", math.Ceil(float64(n)/(1<<20)))
}

// whole makes bytes of an estimate, which may be beyond any integer.
func whole(bytes float64) int64 {
	if bytes >= math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(bytes)
}

const (
	// margin is what estimates are multiplied by before it is decided whether there is room, for what allocators round up, do not find
	// together, or keep.
	margin = 1.25
	// fixed is what libraries take once: threads, plans of convolutions, pieces of attention scores.
	fixed = 64 << 20
	// latentCopies are the latents that live at once: the sampler's state and history, noise, what goes in and comes out.
	latentCopies = 16
	// pictureBytes is what a pixel of a decoded batch takes: three floats, four bytes of an image, and its file.
	pictureBytes = 3*4 + 4 + 4
	// tiledPictures are the pictures in float that are blended of tiles: two sums, weights, and what is made of them.
	tiledPictures = 5
)

// need is memory in bytes beside what is loaded, as tensors and operations take it.
type need struct{ device, host float64 }

// room is how much of the memory has to be free for it.
func (n need) room() need { return need{device: margin*n.device + fixed, host: margin * n.host} }

// needOf estimates a run whose batch is evaluated in parts of so many images. shape is the latents'.
func (p *Pipeline) needOf(r *SampleRequest, shape []int64, part int64) need {
	e := backbone.Evaluation{Batch: part, Height: shape[2], Width: shape[3], Tokens: tokensOf(r), Checkpoint: p.checkpoint, Fused: fused(), Reorders: p.device == torch.CPU}
	if r.needsNegative() {
		e.Batch *= 2
	}
	text := float64(e.Batch) * float64(e.Tokens) * float64(p.model.Shape.Context) * 4
	working := p.evaluation(e) + text + max(r.Positive.memory(e), r.Negative.memory(e))
	if r.Guidance != nil { // of one image at a time, on the conditional side
		e.Batch, e.Gradient, e.Streamed, e.Online = 1, true, streams(r.Guidance.Method), online(r.Guidance.Method)
		e.Checkpoint = p.checkpoints(e)
		guided := p.evaluation(e) + r.Positive.memory(e)
		if attention.GraphsOn(p.device) && !e.Checkpoint { // each of the two graphs keeps what its evaluation takes
			guided += working
		}
		working = max(working, guided)
	}
	latents := latentCopies * 4 * product(shape)
	var decoding need
	if r.Decode {
		decoding = p.needToDecode(shape, p.tiles(shape))
	}
	if p.device == torch.CPU {
		all := latents + max(working, decoding.device+decoding.host)
		return need{all, all}
	}
	return need{device: latents + max(working, decoding.device), host: latents + decoding.host}
}

// evaluation estimates one evaluation of the denoiser. Of one that does not tell, nothing is known.
func (p *Pipeline) evaluation(e backbone.Evaluation) float64 {
	sized, ok := p.model.Denoiser.(backbone.Sized)
	if !ok {
		return fixed
	}
	return sized.Memory(e)
}

// streams tells whether a method's maps of self-attention have no gradient.
func streams(m guidance.Method) bool {
	streamer, ok := m.(guidance.Streamer)
	return ok && streamer.Streams()
}

// online tells whether a method reads maps that are made while the model is evaluated, where it runs with checkpoints.
func online(m guidance.Method) bool {
	onliner, is := m.(guidance.Onliner)
	if !is {
		return false
	}
	_, can := onliner.Online()
	return can
}

// needToDecode estimates the decoding of latents of a shape, one at a time, in tiles or whole, and all pictures that come of it.
func (a *Autoencoder) needToDecode(shape []int64, tile *Tile) need {
	pixels := func(shape []int64) float64 {
		return float64(shape[2]) * float64(shape[3]) * float64(a.Factor()) * float64(a.Factor())
	}
	n := need{host: float64(shape[0]) * pixels(shape) * pictureBytes}
	at := shape
	if tile != nil {
		at = tile.shape(shape, a.Factor())
		n.host += tiledPictures * 3 * 4 * pixels(shape)
	}
	n.device = a.model.DecodeMemory(at[2], at[3]) + 3*3*4*pixels(at)
	return n
}

func tokensOf(r *SampleRequest) int64 {
	tokens := int64(0)
	for _, c := range []Conditioning{r.Positive, r.Negative} {
		for _, one := range c.all() {
			if one.Hidden.Defined() && one.Hidden.Dim() == 3 {
				tokens = max(tokens, one.Hidden.Size(1))
			}
		}
	}
	return tokens
}

func product(shape []int64) float64 {
	n := 1.0
	for _, d := range shape {
		n *= float64(d)
	}
	return n
}

// together is how much an evaluation of several images may take on the CPU, in bytes. More of them are no faster there.
const together = 2 << 30

// roomTogether is what images that are evaluated at once may take.
func (m machine) roomTogether() int64 {
	room := memory.Of(m.device, m.maxMemory).Device
	if m.device == torch.CPU {
		room = min(room, together)
	}
	return room
}

// atOnce is how many of some images there is room for at once, at least one.
func atOnce(images, room int64, need func(part int64) need) int64 {
	for images > 1 && whole(need(images).device) > room {
		images = (images + 1) / 2
	}
	return images
}

// fit gives how many images of a batch are evaluated at once: as many as there is room for, and on the CPU no more than together has room
// for. The last bits of an image depend on how many are evaluated with it; with that bound they depend on the free memory of nothing but a
// machine that has hardly any. A run for which there is no room at all is a *MemoryError.
func (p *Pipeline) fit(r *SampleRequest, shape []int64) (part int64, err error) {
	p.clear(p.wanted(r, shape))
	need := func(part int64) need { return p.needOf(r, shape, part).room() }
	part = atOnce(shape[0], p.roomTogether(), need)
	return part, p.check(p.imagesOf(shape), need(part))
}

// CheckMemory says whether the machine has so many bytes for something, of which the process may take most at all, 0 for no bound of its
// own; else it is a *MemoryError. what says what it is for.
func CheckMemory(what string, bytes float64, most int64) error {
	free := memory.Of(torch.CPU, most)
	if whole(bytes) <= free.Host {
		return nil
	}
	return &MemoryError{What: what, Device: torch.CPU, Need: whole(bytes), Free: free.Host, Total: free.HostTotal, Bounded: free.HostTotal == most}
}

// fused tells whether libtorch has an attention that keeps no probabilities: since 2.1, with which the shim uses it.
func fused() bool {
	major, rest, _ := strings.Cut(torch.GetInfo().Version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, _ := strconv.Atoi(major)
	b, _ := strconv.Atoi(minor)
	return a > 2 || a == 2 && b >= 1
}
