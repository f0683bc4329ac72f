package main

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/isac/torch"
)

// foretold is a run whose memory the doctor foretells.
type foretold struct {
	Model   string `placeholder:"DIR|FILE" help:"Foretell the memory of a run on this model, before it is loaded: a diffusers folder or a .safetensors file."`
	Width   int    `default:"0" help:"Width of the pictures in pixels, with --model; 0 is what the model was trained on."`
	Height  int    `default:"0" help:"Height of the pictures in pixels, with --model; 0 is what the model was trained on."`
	Batch   int    `default:"1" help:"Pictures at once, with --model."`
	Guided  bool   `default:"true" negatable:"" help:"Foretell a guided run too, with --model; --no-guided leaves it out."`
	Measure bool   `help:"Load the model too, make one step of each kind, and print what it took beside what was foretold, with --model."`
}

// needCFG is any scale but 1: with classifier-free guidance, as nearly all runs are.
const needCFG = 7.5

// foretell prints what a run on the model takes beside what there is; a run that does not fit is something to mend.
func (r *report) foretell(m foretold, how diffusion.LoadOptions) {
	if m.Model == "" {
		return
	}
	request := diffusion.SampleRequest{Width: m.Width, Height: m.Height, Batch: m.Batch, CFG: needCFG}
	if m.Guided {
		method, err := methods.Named("isac", "")
		if err != nil {
			r.wrong("%v", err)
			return
		}
		request.Guidance = &diffusion.Guidance{Method: method}
	}
	var f *diffusion.Forecast
	err := torch.Try(func() (err error) {
		f, err = diffusion.Foresee(m.Model, how, request)
		return err
	})
	if err != nil {
		r.wrong("%v", err)
		return
	}
	r.line("model", "%s: %s", m.Model, f.Family.Title)
	r.line("weights", "%s in %v", bytesText(f.WeightBytes()), how.DType)
	for _, w := range f.Weights {
		leaves := ""
		if w.Leaves {
			leaves = ", in the machine's memory while a run does not fit beside it (--text-offload)"
		}
		if w.Leaves && f.TextOffload == diffusion.TextOffloadAlways {
			leaves = ", in the machine's memory during runs (--text-offload)"
		}
		r.line("", "%s of the %s%s", bytesText(w.Bytes), w.What, leaves)
	}
	with := func(working int64) string { return bytesText(f.Beside(working)) }
	r.line("run", "%s, with classifier-free guidance; peaks, weights included:", imagesOf(f))
	r.line("", "%s unguided", with(f.Unguided))
	if m.Guided {
		r.line("", "%s guided", with(f.Guided))
		r.line("", "%s guided with gradient checkpoints", with(f.Checkpointed))
	}
	r.line("", "%s after it, when the pictures are decoded", with(f.Decode))
	if m.Measure {
		r.measure(m, f, how, request)
	}
	r.line("free", "%s of %s on %s", bytesText(f.Free), bytesText(f.Total), f.Device)
	r.fits(f, how)
}

// fits says what does not go into the free memory. Of a guided run the way of computing that was chosen counts.
func (r *report) fits(f *diffusion.Forecast, how diffusion.LoadOptions) {
	const less = "make fewer or smaller pictures, free memory, or load the model in a smaller type (--dtype)"
	guided := f.Guided
	if how.Checkpoint || how.AutoCheckpoint && f.Peak(guided) > f.Free {
		guided = f.Checkpointed
	}
	switch {
	case f.Peak(f.Unguided) > f.Free:
		r.wrong("the run needs about %s and %s are free: %s", bytesText(f.Peak(f.Unguided)), bytesText(f.Free), less)
	case f.Peak(guided) > f.Free && !how.Checkpoint && !how.AutoCheckpoint:
		r.wrong("a guided run needs about %s and %s are free: use gradient checkpoints (--checkpointing auto), or %s", bytesText(f.Peak(guided)), bytesText(f.Free), less)
	case f.Peak(guided) > f.Free:
		r.wrong("a guided run needs about %s and %s are free: %s", bytesText(f.Peak(guided)), bytesText(f.Free), less)
	}
}

// imagesOf is what the run makes.
func imagesOf(f *diffusion.Forecast) string {
	if f.Batch == 1 {
		return fmt.Sprintf("a picture of %d×%d pixels", f.Width, f.Height)
	}
	text := fmt.Sprintf("%d pictures of %d×%d pixels", f.Batch, f.Width, f.Height)
	if f.Together < int64(f.Batch) {
		text += fmt.Sprintf(", %d at once", f.Together)
	}
	return text
}
