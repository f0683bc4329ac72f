package nodes

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/prompt"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/nodes/schema"
)

// ownMasks is the choice that counts in the masks that guidance sees, and needs no detector.
const ownMasks = "masks"

type countRetryInput struct {
	Model       *Model        `mapstructure:"model" tooltip:"The model that takes noise out of the latent; one from ISACGuidance is guided."`
	VAE         *VAE          `mapstructure:"vae" tooltip:"The autoencoder that makes the pictures that are counted in."`
	Seed        uint64        `mapstructure:"seed" default:"0" min:"0" max:"18446744073709551615" control_after_generate:"true" tooltip:"The seed of the first try; each further try takes the next one."`
	Steps       int           `mapstructure:"steps" default:"20" min:"1" max:"10000" tooltip:"How many steps the noise is taken out in, at each try."`
	CFG         float64       `mapstructure:"cfg" default:"8.0" min:"0.0" max:"100.0" step:"0.1" round:"0.01" tooltip:"Scale of classifier-free guidance: how closely the prompt is followed. 1 is none."`
	SamplerName string        `mapstructure:"sampler_name" combo:"@samplers" tooltip:"The algorithm that takes the steps."`
	Scheduler   string        `mapstructure:"scheduler" combo:"@schedulers" tooltip:"How the noise levels of the steps are chosen."`
	Positive    *Conditioning `mapstructure:"positive" tooltip:"What the image shall show. Classes and counts are read from it, unless instances say them."`
	Negative    *Conditioning `mapstructure:"negative" tooltip:"What the image shall not show."`
	Latent      *Latent       `mapstructure:"latent_image" tooltip:"Where to start from."`
	Denoise     float64       `mapstructure:"denoise" default:"1.0" min:"0.01" max:"1.0" step:"0.01" tooltip:"How much of the noise is put in and taken out again: less than 1 keeps something of the latent."`
	Detector    string        `mapstructure:"detector" combo:"@detectors" default:"masks" tooltip:"What counts: a detector of the models' folder (detectors/*.onnx of YOLO or Grounding DINO, or the mini model's folder), or masks, the instances that guidance sees at the last step. Those are rough, and need a model from ISACGuidance."`
	Tries       int           `mapstructure:"tries" default:"4" min:"1" max:"64" tooltip:"How often to sample at most."`
	Instances   *Instances    `mapstructure:"instances" optional:"true" tooltip:"What is to be counted, from ISAC Instances, in place of what the prompt says."`
}

// isacCountRetry samples until the picture holds what was asked for.
func isacCountRetry() Node {
	return Define(Meta{
		Class: "ISACCountRetry", DisplayName: "ISAC Count and Retry", Category: "isac",
		Description: "Samples, counts what the picture shows, and samples again with the next seed until the counts are those of the prompt, at most so many times. Of a batch each image is kept as soon as it is right; of one that never is, the try that came closest, the first of equals.",
		Outputs: []Output{
			{Type: "LATENT", Name: "LATENT", Tooltip: "The latents that were kept."},
			{Type: "IMAGE", Name: "IMAGE", Tooltip: "Their pictures."},
			{Type: "STRING", Name: "counts", Tooltip: "What was counted in each image, as cat=2, dog=1, one image a line."},
			{Type: "INT", Name: "tries", Tooltip: "How often was sampled."},
		},
		Limits: stepLimits("denoise"),
		Lists: func(env *Env) schema.Lists {
			lists := samplerLists(env)
			lists["detectors"] = detectorNames(env)
			return lists
		},
	}, runCountRetry)
}

func runCountRetry(ctx context.Context, env *Env, in *countRetryInput) (Result, error) {
	if env == nil {
		env = &Env{}
	}
	asked, err := in.asked()
	if err != nil {
		return Result{}, err
	}
	r := retry{in: in, counter: counter{asked: asked}, lines: []string{"asked for " + asked.String()}}
	if in.Detector != ownMasks {
		r.detectors, err = openDetectors(Detectors(env.ModelPaths)[in.Detector])
		if err != nil {
			return Result{}, fmt.Errorf("detector %q: %w", in.Detector, err)
		}
		defer r.counter.close()
		if err := r.counter.check(); err != nil {
			return Result{}, err
		}
	} else if in.Model.guidance == nil {
		return Result{}, errors.New("detector is masks and the model is not guided: put ISACGuidance before it, or choose a detector")
	}
	defer r.close()
	tries := 0
	for ; tries < in.Tries && !r.right(); tries++ {
		if err := r.try(ctx, env, tries); err != nil {
			return Result{}, err
		}
	}
	return r.result(tries), nil
}

// asked are the counts that are wanted.
func (in *countRetryInput) asked() (objectCounts, error) {
	whole, _ := in.Positive.Encoded.Whole()
	var parsed prompt.Parsed
	var err error
	switch g := in.Model.guidance; {
	case in.Instances != nil:
		parsed = in.Instances.Parsed
	case g != nil:
		parsed, err = g.read(whole.Prompt)
	default:
		parsed = prompt.Parse(whole.Prompt)
	}
	if err == nil && len(parsed.Phrases) == 0 {
		err = fmt.Errorf("there is nothing to count in %q: name objects in the prompt, or give instances", whole.Prompt)
	}
	return askedOf(parsed), err
}

// kept is what is kept of one image of the batch.
type kept struct {
	latent, picture torch.Tensor // [1,C,h,w] and [1,H,W,3], kept
	counts          objectCounts
	reports         []guidance.Report
	try             int
}

// retry is one run of the node.
type retry struct {
	in *countRetryInput
	counter
	images []kept // none before the first try
	target guidance.Target
	guided bool
	lines  []string
}

func (r *retry) close() {
	for _, k := range r.images {
		k.close()
	}
	r.images = nil
}

func (k kept) close() {
	k.latent.Close()
	k.picture.Close()
}

// right tells whether every image has what was asked for.
func (r *retry) right() bool {
	for _, k := range r.images {
		if k.counts.away(r.asked) > 0 {
			return false
		}
	}
	return len(r.images) > 0
}

// try samples once and keeps of each image what is better than before.
func (r *retry) try(ctx context.Context, env *Env, number int) error {
	in := r.in
	own := *env
	own.Progress = func(value, max int) { env.progress(number*max+value, in.Tries*max) }
	last := map[int]guidance.Maps{}
	var observe func(int, guidance.Maps)
	if in.Detector == ownMasks {
		observe = func(image int, m guidance.Maps) {
			if len(m.Masks) > 0 {
				last[image] = m
			}
		}
	}
	sampled, err := samplerRun{in.Model, in.Positive, in.Negative, in.Latent}.sample(ctx, &own, diffusion.SampleRequest{
		Steps: in.Steps, CFG: in.CFG, Sampler: in.SamplerName, Scheduler: in.Scheduler, Seed: in.Seed + uint64(number), Denoise: in.Denoise,
	}, observe)
	if err != nil {
		return err
	}
	defer sampled.Close()
	latent := sampled.Values[0].(*Latent)
	pixels, err := in.VAE.autoencoder.DecodeLatentContext(ctx, latent.Samples)
	if err != nil {
		return err
	}
	image := newImage(pixels)
	defer image.Close()
	if number == 0 {
		lines, _ := sampled.UI["text"].([]string)
		r.lines = append(r.lines, lines...)
		r.target, r.guided = latent.Target, latent.Reports != nil
	}
	counts, err := r.look(ctx, image, last, latent)
	if err != nil {
		return err
	}
	for b, seen := range counts {
		r.lines = append(r.lines, fmt.Sprintf("try %d, seed %d, image %d: %s", number+1, in.Seed+uint64(number), b+1, seen))
		if number > 0 && seen.away(r.asked) >= r.images[b].counts.away(r.asked) {
			continue
		}
		cut := func(t torch.Tensor) torch.Tensor {
			return torch.Scoped(func() torch.Tensor { return t.Narrow(0, int64(b), 1).Clone() }).Keep()
		}
		k := kept{latent: cut(latent.Samples), picture: cut(image.Pixels), counts: seen, try: number + 1}
		if b < len(latent.Reports) {
			k.reports = latent.Reports[b]
		}
		if number == 0 {
			r.images = append(r.images, k)
			continue
		}
		r.images[b].close()
		r.images[b] = k
	}
	return nil
}

// look counts in every image.
func (r *retry) look(ctx context.Context, image *Image, last map[int]guidance.Maps, latent *Latent) ([]objectCounts, error) {
	var all []objectCounts
	if r.in.Detector == ownMasks {
		for b := range latent.Batch {
			if _, seen := last[b]; !seen {
				return nil, fmt.Errorf("image %d: guidance saw no instances to count: is the method ISAC, and does the prompt name objects? Or choose a detector", b+1)
			}
			all = append(all, r.counter.inMasks(last[b], latent.Target))
		}
		return all, nil
	}
	pictures, err := image.pictures()
	if err != nil {
		return nil, err
	}
	for _, picture := range pictures {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		counts, err := r.counter.count(picture)
		if err != nil {
			return nil, err
		}
		all = append(all, counts)
	}
	return all, nil
}

// result puts together what was kept.
func (r *retry) result(tries int) Result {
	var latents, pictures []torch.Tensor
	var counts, notes []string
	var reports [][]guidance.Report
	for b, k := range r.images {
		latents, pictures, reports = append(latents, k.latent), append(pictures, k.picture), append(reports, k.reports)
		counts = append(counts, k.counts.String())
		state := "is right"
		if off := k.counts.away(r.asked); off > 0 {
			state = fmt.Sprintf("is off by %d and came closest", off)
		}
		notes = append(notes, fmt.Sprintf("image %d: try %d %s: %s", b+1, k.try, state, k.counts))
	}
	samples := torch.Cat(latents, 0)
	out := newLatent(samples, r.in.Model.Pipeline().Factor())
	out.BatchIndex, out.Target = r.in.Latent.BatchIndex, r.target
	if r.guided {
		out.Reports = reports
	}
	if r.in.Latent.Mask.Defined() {
		out.Mask = r.in.Latent.Mask.Clone().Keep()
	}
	return Result{
		Values: []any{out, newImage(torch.Cat(pictures, 0)), strings.Join(counts, "\n"), int64(tries)},
		UI:     map[string]any{"text": append(r.lines, notes...)},
	}
}
