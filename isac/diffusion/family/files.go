package family

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// Layout is how a model lies on disk.
type Layout string

const (
	// Diffusers is a folder with model_index.json and a folder for each part.
	Diffusers Layout = "diffusers"
	// SingleFile is one file, safetensors or of torch.save, with the names of the family's first release.
	SingleFile Layout = "single file"
)

// Files is one model on disk, opened: where its tensors are, under diffusers' names whatever the layout, and what its config files
// say. For a single file these are nil.
type Files struct {
	// Path is what Open was given.
	Path   string
	Layout Layout
	Family *Family

	Denoiser, VAE weights.Source
	Text          []weights.Source
	Tokenizers    []weights.TokenizerFiles
	// Config holds config.json of each part, and the scheduler's.
	Config struct {
		Denoiser, VAE, Scheduler map[string]any
		Text                     []map[string]any
	}
	// Raw are all tensors of a single file under its own names, nil for a folder; Metadata is its header's.
	Raw      weights.Source
	Metadata map[string]string
	// Notes are things that the user should know: parts that are not read.
	Notes []string

	files []*weights.File
	given map[string]torch.Tensor
	// Given are the names of the tensors that OpenOver put in the place of the denoiser's own.
	Given []string
}

// Open opens a diffusers folder or a single file. A model of no family of the list is refused with weights.ErrUnsupported and what it
// is; files that are missing are all named in one error.
func Open(path string) (*Files, error) { return OpenOver(path, nil) }

// OpenOver is Open with tensors from elsewhere in the place of the denoiser's own, by the names that the files have: see weights.Over.
func OpenOver(path string, given map[string]torch.Tensor) (*Files, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	m := &Files{Path: path, given: given}
	if info.IsDir() {
		err = m.openFolder()
	} else {
		err = m.openSingle()
	}
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("open model: %w", err)
	}
	return m, nil
}

// Close closes every file of the model. See weights.File.Close for what must not be used afterwards.
func (m *Files) Close() error {
	var errs []error
	for _, f := range m.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Bytes is the memory that the weights take once they are loaded in an element type.
func (m *Files) Bytes(dtype torch.DType) int64 {
	sum := 0.0
	for _, src := range append([]weights.Source{m.Denoiser, m.VAE}, m.Text...) {
		if src != nil { // autoencoders and text encoders may come from elsewhere
			sum += m.bytesOf(src, dtype)
		}
	}
	return int64(min(sum, 1<<62))
}

// PartBytes is Bytes of one of the parts.
func (m *Files) PartBytes(part weights.Source, dtype torch.DType) int64 {
	return int64(min(m.bytesOf(part, dtype), 1<<62))
}

func (m *Files) bytesOf(src weights.Source, dtype torch.DType) float64 {
	if src == m.VAE {
		dtype = vaeType(dtype)
	}
	sum := 0.0
	for _, name := range src.Names() {
		shape, _ := src.Shape(name)
		elements := float64(dtype.Bytes())
		for _, n := range shape {
			elements *= float64(n)
		}
		sum += elements
	}
	return sum
}

func (m *Files) openSingle() error {
	f, err := weights.Open(m.Path)
	if err != nil {
		return err
	}
	m.Layout, m.files, m.Raw, m.Metadata = SingleFile, []*weights.File{f}, f, f.Metadata()
	if m.Family, err = recognise(f); err != nil {
		return fmt.Errorf("%s: %w", m.Path, err)
	}
	var missing []string
	part := func(from weights.Source, p Part) weights.Source {
		for _, prefix := range p.Prefixes {
			if src := weights.Prefix(from, prefix); len(src.Names()) > 0 {
				return named(src, p.Single)
			}
		}
		missing = append(missing, fmt.Sprintf("%s (%s*)", p.What, p.Prefixes[0]))
		return nil
	}
	m.Denoiser, m.VAE = part(m.over(f), m.Family.Denoiser), part(f, m.Family.VAE)
	for _, t := range m.Family.Text {
		m.Text = append(m.Text, part(f, t.Part))
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s is %s and has no %s: give a whole checkpoint: %w", m.Path, m.Family.Title, strings.Join(missing, " and no "), weights.ErrMissing)
	}
	for _, foreign := range m.Family.Foreign {
		if hasPrefix(f.Names(), foreign.Prefix) {
			m.Notes = append(m.Notes, foreign.What)
		}
	}
	return m.readTokenizers(filepath.Dir(m.Path))
}

func (m *Files) openFolder() error {
	m.Layout = Diffusers
	var mistakes weights.Mistakes
	note := func(err error) {
		if err != nil {
			mistakes = append(mistakes, err)
		}
	}
	json := func(parts ...string) map[string]any {
		c, err := weights.ReadJSON(filepath.Join(append([]string{m.Path}, parts...)...))
		note(err)
		return c
	}
	index := json("model_index.json")
	if len(mistakes) > 0 {
		return mistakes
	}
	families, foreignClass, err := ofPipeline(m.Path, index)
	if err != nil {
		return err
	}
	if foreignClass != "" {
		m.Notes = append(m.Notes, fmt.Sprintf("the folder is for diffusers' %s; it is read as a text-to-image model, for the parts are those of one", foreignClass))
	}
	open := func(p Part, over func(weights.Source) weights.Source) weights.Source {
		src, files, err := weights.OpenPart(filepath.Join(m.Path, p.Folder), p.Base)
		m.files = append(m.files, files...)
		if note(err); err != nil {
			return nil
		}
		return named(named(src, over), p.Tidy)
	}
	m.Denoiser = open(families[0].Denoiser, m.over) // families of one class have one kind of denoiser
	m.Family = families[len(families)-1]
	for _, f := range families {
		if m.Denoiser != nil && (f.Folder == nil || f.Folder(m.Denoiser)) {
			m.Family = f
			break
		}
	}
	m.VAE = open(m.Family.VAE, nil)
	m.Config.Denoiser, m.Config.VAE = json(m.Family.Denoiser.Folder, "config.json"), json(m.Family.VAE.Folder, "config.json")
	m.Config.Scheduler = json("scheduler", "scheduler_config.json")
	for _, t := range m.Family.Text {
		m.Text = append(m.Text, open(t.Part, nil))
		m.Config.Text = append(m.Config.Text, json(t.Folder, "config.json"))
	}
	for _, foreign := range m.Family.Foreign {
		if exists(filepath.Join(m.Path, foreign.Folder)) {
			m.Notes = append(m.Notes, foreign.What)
		}
	}
	note(m.readTokenizers(m.Path))
	if len(mistakes) > 0 {
		return mistakes
	}
	return nil
}

// over puts the tensors that were given in the place of a source's own.
func (m *Files) over(src weights.Source) weights.Source {
	if len(m.given) == 0 {
		return src
	}
	src, m.Given = weights.Over(src, m.given)
	return src
}

// readTokenizers reads the tokenizers of all text encoders, in folders below dir.
func (m *Files) readTokenizers(dir string) error {
	var errs []error
	for _, t := range m.Family.Text {
		files, err := weights.ReadTokenizer(filepath.Join(dir, t.Tokenizer))
		errs = append(errs, err)
		m.Tokenizers = append(m.Tokenizers, files)
	}
	return errors.Join(errs...)
}

// textConfig is config.json of text encoder i, nil where there is none.
func (m *Files) textConfig(i int) map[string]any {
	if i < len(m.Config.Text) {
		return m.Config.Text[i]
	}
	return nil
}

// named shows tensors under the names that fn gives them.
func named(src weights.Source, fn func(weights.Source) weights.Source) weights.Source {
	if fn == nil {
		return src
	}
	return fn(src)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
