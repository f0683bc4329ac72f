package explain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// Candidates are the runs of one image that a method chose among (guidance.Chooser), each with its picture.
type Candidates struct {
	// Prompt is what all pictures were to show; Settings says in a few words how they were made.
	Prompt, Settings string
	// Choice is how the method chose, Cost what it cost.
	Choice diffusion.Choice
	Cost   diffusion.Cost
	// Images are the pictures, one for each of Choice.Candidates. Of a candidate that was dropped it is what the model believed the image
	// to be by then.
	Images []image.Image
}

// Check says what keeps candidates from being drawn: none, another number of pictures, a choice that is none of them.
func (c *Candidates) Check() error {
	n := len(c.Choice.Candidates)
	if n == 0 || n != len(c.Images) || c.Choice.Chosen < 0 || c.Choice.Chosen >= n {
		return fmt.Errorf("explain: %d candidates have %d pictures, and number %d is chosen: expected a picture of each, at least one, and a choice among them", n, len(c.Images), c.Choice.Chosen)
	}
	return nil
}

// Choose runs the candidates of a method that chooses, and makes a picture of each, on the calling goroutine, which has to be the model's. It
// fails as Sample does. Shown is not used; Progress counts the steps of the run.
func Choose(ctx context.Context, p *diffusion.Pipeline, r Request) (*Candidates, error) {
	chooser, ok := r.Method.(guidance.Chooser)
	if !ok {
		return nil, fmt.Errorf("%w: the method %s chooses among no runs: use Sample", ErrRequest, r.Method.Name())
	}
	positive, negative, err := r.encode(p)
	if err != nil {
		return nil, err
	}
	defer positive.Close()
	defer negative.Close()
	shared, _, err := r.begin(p, positive)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	c := &Candidates{Prompt: shared.Prompt, Settings: shared.Settings, Images: make([]image.Image, chooser.Choice().Candidates)}
	out, err := p.Run(ctx, diffusion.SampleRequest{
		Positive: positive, Negative: negative, Width: r.Width, Height: r.Height, Steps: r.Steps, CFG: r.CFG,
		Sampler: r.Sampler, Scheduler: r.Scheduler, Seed: r.Seed, Denoise: 1,
		OnStep: func(s diffusion.StepInfo) error {
			if r.Progress != nil {
				r.Progress(s.Index+1, s.Count)
			}
			return nil
		},
		Guidance: &diffusion.Guidance{Target: shared.Target, Method: r.Method, OnCandidate: func(_, candidate int, latent torch.Tensor) (err error) {
			c.Images[candidate], err = decode(p, latent)
			return err
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("explain: candidates: %w", err)
	}
	defer out.Latent.Close()
	c.Choice, c.Cost = out.Choices[0], out.Cost
	if c.Choice.Reason != "" { // one plain run, of which no candidate was told
		c.Images = c.Images[:1]
		c.Images[0], err = decode(p, out.Latent)
	}
	return c, err
}

// WriteCandidates writes into a folder, as Write does:
//
//	candidates.png    Strip
//	chosen.png        the picture that was chosen
//	candidates.json   seeds, losses, cuts and cost
func WriteCandidates(ctx context.Context, dir string, c *Candidates) ([]string, error) {
	if err := errors.Join(c.Check(), Folder(dir)); err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	w := &writer{ctx: ctx, dir: dir}
	w.png("candidates.png", func() (*image.RGBA, error) { return Strip(c) })
	w.file("chosen.png", func() ([]byte, error) { return encode(c.Images[c.Choice.Chosen]) })
	w.file("candidates.json", func() ([]byte, error) {
		data, err := json.MarshalIndent(struct {
			Prompt   string `json:"prompt"`
			Settings string `json:"settings"`
			diffusion.Choice
			Cost diffusion.Cost `json:"cost"`
		}{c.Prompt, c.Settings, c.Choice, c.Cost}, "", "  ")
		return append(data, '\n'), err
	})
	return w.paths, w.err
}
