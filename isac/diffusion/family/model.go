package family

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/config"
	"github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
	"github.com/isac-guidance/isac/isac/diffusion/vae"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// Model is a loaded model: every part of it, and what its family says of them.
type Model struct {
	Family   *Family
	Denoiser denoiser.Denoiser
	// Shape is what the denoiser takes in and gives.
	Shape Shape
	VAE   *vae.Model
	Text  []Encoder
	Noise sampling.Noise
	// Size is the side of the latents that the model was trained on.
	Size int64
	// Notes are things that the user should know: parts of the files that are not read.
	Notes []string

	device torch.Device
	files  *Files // closed: names, shapes and settings are still there
	params struct {
		denoiser *weights.Params
		text     []*weights.Params
	}
	own []func() // that close the networks which are not shared with another model
}

// Encoder is one text encoder with its tokenizer.
type Encoder struct {
	Tokenizer *clip.Tokenizer
	Model     *clip.TextModel

	skip int
}

// Load builds a model from files, or those parts of one that the files have (see OpenDenoiser, OpenTexts), all of whose mistakes are reported
// together. dtype is what the denoiser and the text encoders compute in; the autoencoder computes in float32, or in bfloat16 if that is asked for: in float16 it may overflow to black images.
// The files may be closed when Load returns. The model is the caller's to close; after an error there is none.
func Load(f *Files, dtype torch.DType, device torch.Device) (*Model, error) {
	m := &Model{Family: f.Family, Size: f.Family.Native, Notes: f.Notes, device: device, files: f}
	var errs []error
	note := func(err error) bool {
		if err != nil {
			errs = append(errs, err)
		}
		return err == nil
	}
	for i := range f.Text {
		note(m.loadEncoder(i, dtype))
	}
	if f.Denoiser != nil {
		note(m.loadDenoiser(dtype))
	}
	if f.VAE != nil {
		note(m.loadVAE(f, dtype))
	}
	note(m.readSize())
	if len(errs) == 0 && m.Denoiser != nil && m.VAE != nil && len(m.Text) > 0 {
		note(m.fit())
	}
	if len(errs) == 0 && m.VAE == nil {
		m.VAE = m.usualVAE(dtype)
	}
	if len(errs) > 0 {
		m.Close()
		return nil, errors.Join(errs...)
	}
	return m, nil
}

// loadDenoiser builds the denoiser and its noise.
func (m *Model) loadDenoiser(dtype torch.DType) error {
	f := m.files
	noise, wrong := f.Family.Noise(f)
	m.Noise = noise
	m.params.denoiser = weights.NewParams(f.Denoiser, dtype, m.device)
	network, shape, err := f.Family.Network(m.params.denoiser, f.Denoiser, f.Config.Denoiser)
	if err == nil {
		m.Denoiser, m.Shape, m.own = network, shape, append(m.own, network.Close)
	}
	return errors.Join(wrong, err)
}

// usualVAE is what the family's autoencoder is like, without weights: how its latents are scaled, and what memory it takes. The parts of
// the first releases are all of one form.
func (m *Model) usualVAE(dtype torch.DType) *vae.Model {
	cfg := vae.Config{ImageChannels: 3, LatentChannels: m.Shape.In, Scaling: m.Family.Scaling, Shift: m.Family.Shift}
	for _, channels := range []int64{128, 256, 512, 512} {
		cfg.Levels = append(cfg.Levels, vae.Level{Channels: channels, EncoderLayers: 2, DecoderLayers: 3})
	}
	any := m.files.Denoiser
	if any == nil {
		any = m.files.Text[0]
	}
	return vae.Outline(weights.NewParams(weights.Renamed(any, nil), vaeType(dtype), m.device), cfg)
}

// readSize takes the side of native latents from config.json, where it tells it.
func (m *Model) readSize() error {
	c := config.New(m.Family.Denoiser.Folder+"/config.json", m.files.Config.Denoiser)
	if sides := c.IntsIn("sample_size", 2, 1, config.MaxSide); sides != nil {
		m.Size = max(sides[0], sides[1])
	}
	return c.Err()
}

// loadEncoder builds text encoder i with its tokenizer.
func (m *Model) loadEncoder(i int, dtype torch.DType) error {
	f := m.files
	part := f.Family.Text[i]
	e := Encoder{skip: part.Skip}
	if f.Layout == SingleFile {
		e.skip = part.SingleSkip
	}
	root := clip.TextRoot(f.Text[i])
	cfg, err := clip.TextConfigFromWeights(root, f.textConfig(i))
	if err != nil {
		return fmt.Errorf("%s: %w", part.What, err)
	}
	tokenizer, err := f.tokenizer(i, cfg)
	params := weights.NewParams(root, dtype, m.device)
	model, wrong := clip.NewTextModel(params, cfg)
	if wrong == nil {
		m.own = append(m.own, model.Close)
	}
	e.Tokenizer, e.Model = tokenizer, model
	m.Text, m.params.text = append(m.Text, e), append(m.params.text, params)
	return errors.Join(err, wrong)
}

// loadVAE builds the autoencoder.
func (m *Model) loadVAE(f *Files, dtype torch.DType) error {
	cfg, err := vae.ConfigFromWeights(f.VAE, f.Config.VAE)
	if err != nil {
		return err
	}
	if f.Config.VAE["scaling_factor"] == nil {
		cfg.Scaling, cfg.Shift = f.Family.Scaling, f.Family.Shift
	}
	if m.VAE, err = vae.New(weights.NewParams(f.VAE, vaeType(dtype), m.device), cfg); err == nil {
		m.own = append(m.own, m.VAE.Close)
	}
	return err
}

// fit checks that the networks belong together, by the widths of what they would hand to each other.
func (m *Model) fit() error {
	var errs []error
	what := m.Family.Denoiser.What
	err := torch.InScope(func() error {
		zeros := func(shape ...int64) torch.Tensor { return torch.Zeros(shape, torch.Float32, torch.CPU) }
		encoded := make([]clip.Encoded, len(m.Text))
		made := int64(0)
		for i, e := range m.Text {
			width := e.Model.Config.Width
			made += width
			state := zeros(1, 1, width)
			encoded[i] = clip.Encoded{Hidden: state, Normed: state, Pooled: zeros(1, cmp.Or(e.Model.Config.Projection, width))}
		}
		text, pooled := m.Family.Join(encoded, m.Shape.Context)
		if read := m.Shape.Context; read != 0 && text.Size(-1) != read {
			errs = append(errs, fmt.Errorf("the %s reads conditioning of width %d and the text encoders make width %d: they are of different models", what, read, made))
		}
		if read := m.Shape.Vector; read != 0 {
			vector, err := m.Vector(pooled, Sizes{})
			if err == nil && (!vector.Defined() || vector.Size(1) != read) {
				err = fmt.Errorf("the %s reads a vector of width %d, which the text encoders' pooled text does not make: they are of different models", what, read)
			}
			return err
		}
		return nil
	})
	if v := m.VAE.Config.LatentChannels; m.Shape.In != v || m.Shape.Out != v {
		errs = append(errs, fmt.Errorf("the %s takes %d channels and gives %d where the autoencoder has %d: inpainting, depth and image-editing models are not supported: %w",
			what, m.Shape.In, m.Shape.Out, v, weights.ErrUnsupported))
	}
	return errors.Join(append(errs, err)...)
}

// Close frees the weights. Closing twice is allowed.
func (m *Model) Close() {
	for _, closeNetwork := range m.own {
		closeNetwork()
	}
	m.own, m.Text, m.Denoiser, m.VAE = nil, nil, nil, nil
}

// Prompts reads a text for each text encoder: rows (chunks) of its tokens. texts has one for each encoder, or one for all of them. Where
// they are several, encoders with fewer rows get empty ones, as ComfyUI's nodes do it.
func (m *Model) Prompts(e clip.Embeddings, texts ...string) []clip.Prompt {
	prompts := make([]clip.Prompt, len(m.Text))
	most := 0
	for i, encoder := range m.Text {
		prompts[i] = encoder.Tokenizer.Prompt(texts[min(i, len(texts)-1)], encoder.chunking(e, m.Family.Text[i].Embedding))
		most = max(most, len(prompts[i].Rows))
	}
	if len(texts) > 1 {
		for i, encoder := range m.Text {
			none := encoder.Tokenizer.Prompt("", encoder.chunking(e, ""))
			for len(prompts[i].Rows) < most {
				prompts[i].Rows = append(prompts[i].Rows, none.Rows...)
			}
		}
	}
	return prompts
}

func (e Encoder) chunking(files clip.Embeddings, key string) clip.Chunking {
	return clip.Chunking{Length: int(e.Model.Config.Positions), Width: int(e.Model.Config.Width), Find: files.Finder(key)}
}

// HasVAE says whether the model has its own autoencoder, and not only what it would be like.
func (m *Model) HasVAE() bool { return m.files.VAE != nil }

// Encode makes the conditioning of what Prompts gave: text [1,L,D] in float32, and pooled [1,P], undefined where the family has none. L
// is that of the encoder with the fewest positions: what the others have beyond is cut off, as in ComfyUI. It belongs to the caller's
// scope, and ends with ctx's error once ctx is done.
//
// stop is the layer whose state is read, counted from the end: -1 is the last; 0 is the family's own. An encoder that has not so many layers
// gives its last, normed, as in ComfyUI.
func (m *Model) Encode(ctx context.Context, prompts []clip.Prompt, stop int) (text, pooled torch.Tensor, err error) {
	encoded := make([]clip.Encoded, len(m.Text))
	for i, e := range m.Text {
		skip := e.skip
		beyond := -stop > int(e.Model.Config.Layers)
		switch {
		case beyond:
			skip = 0
		case stop < 0:
			skip = -stop - 1
		}
		if encoded[i], err = e.Model.EncodePrompt(ctx, prompts[i], e.Tokenizer, skip); err != nil {
			return text, pooled, err
		}
		if beyond {
			encoded[i].Hidden = encoded[i].Normed
		}
	}
	length := encoded[0].Hidden.Size(1)
	for _, e := range encoded {
		length = min(length, e.Hidden.Size(1))
	}
	for i, e := range encoded {
		if e.Hidden.Size(1) > length {
			encoded[i].Hidden, encoded[i].Normed = e.Hidden.Narrow(1, 0, length), e.Normed.Narrow(1, 0, length)
		}
	}
	text, pooled = m.Family.Join(encoded, m.Shape.Context)
	if pooled.Defined() {
		pooled = pooled.To(torch.Float32)
	}
	return text.To(torch.Float32), pooled, nil
}

// Vector makes the denoiser's vector [1,V] of pooled text [1,P] and sizes, in the denoiser's type and place; undefined for a family
// without one.
func (m *Model) Vector(pooled torch.Tensor, s Sizes) (torch.Tensor, error) {
	if m.Family.Vector == nil || m.Shape.Vector == 0 {
		return torch.Tensor{}, nil
	}
	return m.Family.Vector(m, pooled.To(m.Denoiser.DType()).ToDevice(m.Denoiser.Device()), s)
}
