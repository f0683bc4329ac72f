package weights

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Layout is how a model lies on disk.
type Layout string

const (
	// Diffusers is a folder with model_index.json, unet/, vae/, text_encoder/, tokenizer/ and scheduler/.
	Diffusers Layout = "diffusers"
	// SingleFile is one .safetensors file in the layout of the first Stable Diffusion release ("LDM keys").
	SingleFile Layout = "single file"
)

// ModelFiles is one model on disk, opened: where its weights are, under diffusers' names whatever the layout, and what its config files say.
type ModelFiles struct {
	// Path is what OpenModel was given.
	Path   string
	Layout Layout
	// UNet, VAE and Text are the tensors of the three networks, named as diffusers names them: "conv_in.weight",
	// "decoder.mid_block.attentions.0.to_q.weight", "text_model.embeddings.token_embedding.weight".
	UNet, VAE, Text Source
	// Tokenizer is the tokenizer's files; all empty where the model brings none.
	Tokenizer TokenizerFiles
	// Config is what the model's config files say; for a single file they are nil, but for the scheduler's
	// prediction_type where the file's header tells it.
	Config Configs

	files []*File
}

// TokenizerFiles are the bytes of a CLIP tokenizer's files: vocab.json and merges.txt, or the one tokenizer.json that newer
// transformers write, or both.
type TokenizerFiles struct {
	Vocab, Merges, JSON []byte
	// Path is the folder they come from, for error messages.
	Path string
}

// Empty says whether the model brings no tokenizer of its own.
func (t TokenizerFiles) Empty() bool { return (t.Vocab == nil || t.Merges == nil) && t.JSON == nil }

// OpenModel opens a diffusers folder or a single-file SD1.x checkpoint. A model of another family (SDXL, SD3, …) is refused with
// ErrUnsupported and its family's name; files that are missing are all named in one error.
func OpenModel(path string) (*ModelFiles, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	var m *ModelFiles
	if info.IsDir() {
		m, err = openFolder(path)
	} else {
		m, err = openSingle(path)
	}
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	return m, nil
}

// Close closes every file of the model. See File.Close for what must not be used afterwards.
func (m *ModelFiles) Close() error {
	var errs []error
	for _, f := range m.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

func openSingle(path string) (*ModelFiles, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	m := &ModelFiles{Path: path, Layout: SingleFile, files: []*File{f}}
	if err := checkFamily(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m.Config.Scheduler = predictionOf(f)
	m.UNet = ldmUNet(Prefix(f, "model.diffusion_model."))
	m.VAE = ldmVAE(Prefix(f, "first_stage_model."))
	m.Text = textNames(Prefix(f, "cond_stage_model.transformer."))
	if err := m.checkParts(); err != nil {
		f.Close()
		return nil, err
	}
	if m.Tokenizer, err = readTokenizer(filepath.Join(filepath.Dir(path), "tokenizer")); err != nil {
		f.Close()
		return nil, err
	}
	return m, nil
}

// checkParts says which of the three networks a single file lacks.
func (m *ModelFiles) checkParts() error {
	var missing []string
	for _, part := range []struct {
		what string
		src  Source
	}{
		{"UNet (model.diffusion_model.*)", m.UNet},
		{"VAE (first_stage_model.*)", m.VAE},
		{"text encoder (cond_stage_model.transformer.*)", m.Text},
	} {
		if len(part.src.Names()) == 0 {
			missing = append(missing, part.what)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s has no %s: give a whole checkpoint: %w", m.Path, strings.Join(missing, " and no "), ErrMissing)
	}
	return nil
}

// predictionOf reads what a single file says of its own prediction: the header field of the "modelspec" convention, or the empty tensor
// that v-prediction fine-tunes carry. Most files say nothing, and are of the epsilon kind.
func predictionOf(f *File) map[string]any {
	kind := f.Metadata()["modelspec.prediction_type"]
	switch {
	case f.Has("v_pred") || kind == "v" || kind == "v_prediction":
		return map[string]any{"prediction_type": "v_prediction"}
	case kind == "epsilon":
		return map[string]any{"prediction_type": "epsilon"}
	}
	return nil
}
