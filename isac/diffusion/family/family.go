package family

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// Family is a kind of model.
type Family struct {
	// Name is short and for programs: "sd1". Title is for people.
	Name, Title string
	// Single tells from names and shapes whether a single file is of this family.
	Single func(src weights.Source) bool
	// Pipelines are the classes that model_index.json of a diffusers folder may name; Folder tells families of one class apart by the
	// denoiser's tensors, nil where the class is enough.
	Pipelines []string
	Folder    func(denoiser weights.Source) bool

	// Denoiser, VAE and Text are the networks. Files are in Denoiser's, and so on.
	Denoiser, VAE Part
	Text          []TextPart
	// Foreign are parts that files may have and that are not read, which is noted.
	Foreign []Foreign

	// Network builds the denoiser from its tensors and config.json.
	Network func(p *weights.Params, src weights.Source, json map[string]any) (denoiser.Denoiser, Shape, error)
	// Memory tells what the denoiser takes besides its weights, and its shape, from the same without reading a weight. See Outline.
	Memory func(src weights.Source, json map[string]any) (func(e denoiser.Evaluation, width float64) float64, Shape, error)
	// Noise is what σ and t mean, by what the files say.
	Noise func(f *Files) (sampling.Noise, error)
	// Join makes the conditioning of what the text encoders give, in the order of Text: text [1,L,D] and pooled [1,P], undefined
	// where the family has none. width is the D that the denoiser reads.
	Join func(encoded []clip.Encoded, width int64) (text, pooled torch.Tensor)
	// Pads says that the denoiser reads states wider than the text encoders', with zeros behind them; Join fills up to width where it is
	// known.
	Pads bool
	// Vector makes the denoiser's vector [1,V] of pooled text and sizes; nil for a family without one.
	Vector func(m *Model, pooled torch.Tensor, s Sizes) (torch.Tensor, error)

	// Native is the side of the latents that the model was trained on where no config.json tells it.
	Native int64
	// Scaling and Shift are the autoencoder's where no config.json tells them: the denoiser's latents are (z − Shift)·Scaling.
	Scaling, Shift float64
}

// Part is one network and where it lies.
type Part struct {
	// What is the network's name for people.
	What string
	// Folder and Base are the folder and the file, without its ending, in a diffusers folder.
	Folder, Base string
	// Prefixes begin the names of the network's tensors in a single file; the first that there is counts.
	Prefixes []string
	// Single gives the tensors of a single file, without the prefix, diffusers' names; Tidy gives those of a folder today's names. nil
	// leaves names as they are.
	Single, Tidy func(weights.Source) weights.Source
	// Released is Single's inverse, of a denoiser: which piece of which tensor of a single file, without the prefix, each tensor of
	// diffusers' names is. Tensors that single files do not have are not in it.
	Released func(weights.Source) map[string]weights.Piece
}

// TextPart is a text encoder with its tokenizer.
type TextPart struct {
	Part
	// Tokenizer is the folder of its tokenizer.
	Tokenizer string
	// Embedding is the name by which files of embeddings know the encoder.
	Embedding string
	// PadZero pads with token 0, "!", where no tokenizer comes with the model; else with the end of text.
	PadZero bool
	// Skip is how many of the last layers the conditioning does without (diffusers' clip_skip); SingleSkip is the same for single
	// files, which have a layer more in some families.
	Skip, SingleSkip int
}

// Foreign is a part that is not read.
type Foreign struct {
	// What says what it is and what follows from leaving it out.
	What string
	// Folder of a diffusers folder, Prefix of names in a single file.
	Folder, Prefix string
}

// Shape is what a denoiser takes in and gives.
type Shape struct {
	// In and Out are channels of latents; Context is D of the text, 0 where it reads none; Vector is V, 0 where it takes none.
	In, Out, Context, Vector int64
}

// Sizes are numbers in pixels that some families are told besides the text: the picture before cropping, the crop's corner in it, and
// the crop. A whole picture of H×W is {H, W, 0, 0, H, W}.
type Sizes struct{ Height, Width, Top, Left, TargetHeight, TargetWidth int }

// list holds every family, those with the most telling signs first: a model is of the first that it fits.
var list = []*Family{sd3, sdxl, sd2, sd1}

// Names lists the families' names, sorted.
func Names() []string {
	var names []string
	for _, f := range list {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return names
}

// Named finds a family by its name.
func Named(name string) (*Family, error) {
	for _, f := range list {
		if f.Name == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("no family is called %q: use %s", name, strings.Join(Names(), ", "))
}
