package diffusion

import (
	"errors"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/internal/memory"
	"github.com/isac-guidance/isac/isac/torch"
)

// PartBytes is what the weights of one network take, in bytes, in the type that they are loaded in.
type PartBytes struct {
	// What is the network's name for people: "UNet", "text encoder".
	What  string
	Bytes int64
	// Leaves says that they leave the device before a run, always or where it does not fit beside them: see TextOffload.
	Leaves bool
}

// Forecast is the memory that a model and a run take, in bytes, as it is foreseen before anything is loaded: the same estimates by which a
// run that would not fit is refused, but that a run asks for a quarter and 64 MiB more. MeasurePeaks tells what it takes.
type Forecast struct {
	Family *family.Family
	// Size is the side in pixels of the images that the model was trained on.
	Size, Width, Height, Batch int
	// Together is how many images are evaluated at once.
	Together int64
	Device   torch.Device
	// Weights are those of all networks. They are all loaded, and all on the device while a text is encoded; TextOffload says whether those that
	// may leave do so before each run.
	Weights     []PartBytes
	TextOffload TextOffload
	// Unguided, Guided and Checkpointed are the peaks on the device beside weights, of a run with classifier-free guidance: plain, guided, and
	// guided with gradient checkpoints. Those of guidance are 0 where none was asked for. Decode is that of making pictures of the latents.
	Unguided, Guided, Checkpointed, Decode int64
	// Free and Total are what the device leaves to this process now, and would if nothing were taken; see LoadOptions.MaxMemory.
	Free, Total int64
}

// WeightBytes is what all weights take together.
func (f *Forecast) WeightBytes() int64 {
	sum := int64(0)
	for _, w := range f.Weights {
		sum += w.Bytes
	}
	return sum
}

// Beside is what lies on the device while something takes working there, which is included: all weights, or where it does not fit beside
// them, those that stay.
func (f *Forecast) Beside(working int64) int64 {
	all := f.WeightBytes() + working
	if f.TextOffload != TextOffloadAlways && f.WeightBytes()+whole(need{device: float64(working)}.room().device) <= f.Free {
		return all
	}
	for _, w := range f.Weights {
		if w.Leaves {
			all -= w.Bytes
		}
	}
	return all
}

// Peak is the most that a run takes on the device, weights included: working is one of the forecast's peaks, Decode counts where it is more, and
// so do all weights, which are there before.
func (f *Forecast) Peak(working int64) int64 {
	return max(f.WeightBytes(), f.Beside(max(working, f.Decode)))
}

// Foresee tells what memory a run takes on the model at path, of which headers and config files alone are read: it takes no memory itself.
// Of the request Width, Height (0 for the model's own size), Batch, CFG, Sampler and Guidance count, and of Guidance the method. It loads
// libtorch, whose version and device matter. It fails where the files cannot be loaded, or the size does not fit the model.
func Foresee(path string, opt LoadOptions, r SampleRequest) (*Forecast, error) {
	files, err := family.Open(path)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	how := opt.machine()
	how.encoders = nil // nothing is moved
	p := &Pipeline{Path: path, spared: &spared{}, Autoencoder: &Autoencoder{machine: how, tiling: opt.Tiling}}
	var out *Forecast
	err = torch.InScope(func() (err error) {
		if p.model, err = family.Outline(files, opt.DType, p.device); err == nil {
			p.Autoencoder.model = p.model.VAE
			out, err = p.foresee(files, opt.DType, r)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("foresee %s: %w", path, err)
	}
	return out, nil
}

// foresee is Foresee on a pipeline without weights.
func (p *Pipeline) foresee(files *family.Files, dtype torch.DType, r SampleRequest) (*Forecast, error) {
	if r.Width == 0 {
		r.Width = p.NativeSize()
	}
	if r.Height == 0 {
		r.Height = p.NativeSize()
	}
	var errs []error
	shape := p.latentShape(&r, func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) })
	_, tokens, err := files.Tokenizer()
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	// No prompt is encoded: one of usual length has as many tokens as the text encoder has positions.
	r.Positive.Hidden = torch.Zeros([]int64{1, int64(tokens), 1}, torch.Float32, torch.CPU)

	f := &Forecast{Family: files.Family, Size: p.NativeSize(), Width: r.Width, Height: r.Height, Batch: int(shape[0]), Device: p.device, TextOffload: p.offload}
	f.Weights = append(f.Weights, PartBytes{What: files.Family.Denoiser.What, Bytes: files.PartBytes(files.Denoiser, dtype)})
	for i, t := range files.Family.Text {
		f.Weights = append(f.Weights, PartBytes{What: t.What, Bytes: files.PartBytes(files.Text[i], dtype), Leaves: p.offload.from(p.device)})
	}
	f.Weights = append(f.Weights, PartBytes{What: files.Family.VAE.What, Bytes: files.PartBytes(files.VAE, dtype)})

	guidance := r.Guidance
	r.Guidance, r.Decode = nil, false
	f.Together, _ = p.fit(&r, shape) // an error says that nothing fits, which the numbers say too
	f.Unguided = whole(p.needOf(&r, shape, f.Together).device)
	if r.Guidance = guidance; guidance != nil {
		f.Guided = whole(p.needOf(&r, shape, f.Together).device)
		p.checkpoint = true
		f.Checkpointed = whole(p.needOf(&r, shape, f.Together).device)
		p.checkpoint = false
	}
	n := p.needToDecode(shape, p.tiles(shape))
	f.Decode = whole(n.device)
	if p.device == torch.CPU {
		f.Decode = whole(n.device + n.host)
	}
	there := memory.Of(p.device, p.maxMemory)
	f.Free, f.Total = there.Device, there.DeviceTotal
	return f, nil
}
