package family

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/vae"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// VAEFiles are the open files of an autoencoder alone.
type VAEFiles struct {
	source weights.Source
	config map[string]any
	files  []*weights.File
}

// OpenVAE opens an autoencoder: a .safetensors file of its own, one of a whole checkpoint, or a folder with config.json as diffusers writes it.
// Beside a file of its own its config.json may lie, of the same name with .json for .safetensors.
func OpenVAE(path string) (*VAEFiles, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open autoencoder: %w", err)
	}
	v := &VAEFiles{}
	if info.IsDir() {
		err = v.openFolder(path)
	} else {
		err = v.openFile(path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open autoencoder: %w", err), v.Close())
	}
	return v, nil
}

func (v *VAEFiles) openFolder(path string) error {
	if exists(filepath.Join(path, vaePart.Folder, "config.json")) { // a whole model's folder
		path = filepath.Join(path, vaePart.Folder)
	}
	config, err := weights.ReadJSON(filepath.Join(path, "config.json"))
	if err != nil {
		return err
	}
	src, files, err := weights.OpenPart(path, vaePart.Base)
	v.files, v.config = files, config
	if err != nil {
		return err
	}
	v.source = named(src, vaePart.Tidy)
	return nil
}

func (v *VAEFiles) openFile(path string) error {
	f, err := weights.Open(path)
	if err != nil {
		return err
	}
	v.files = []*weights.File{f}
	var src weights.Source = f
	for _, prefix := range vaePart.Prefixes {
		if within := weights.Prefix(f, prefix); len(within.Names()) > 0 {
			src = within
			break
		}
	}
	switch {
	case src.Has("decoder.up_blocks.0.resnets.0.conv1.weight"):
		v.source = named(src, vaePart.Tidy)
	case src.Has("decoder.up.0.block.0.conv1.weight"):
		v.source = named(src, vaePart.Single)
	default:
		return fmt.Errorf("%s holds no autoencoder of Stable Diffusion: it has %d tensors such as %q, expected decoder.up.0.block.0.conv1.weight or decoder.up_blocks.0.resnets.0.conv1.weight: %w",
			path, len(f.Names()), first(f.Names()), weights.ErrUnsupported)
	}
	if beside := strings.TrimSuffix(path, filepath.Ext(path)) + ".json"; exists(beside) {
		v.config, err = weights.ReadJSON(beside)
	}
	return err
}

func first(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// Bytes is the memory that the weights take once they are loaded.
func (v *VAEFiles) Bytes(dtype torch.DType) int64 {
	m := Files{VAE: v.source}
	return m.Bytes(dtype)
}

// Load builds the autoencoder, all of whose mistakes are reported together. It is the caller's to close.
func (v *VAEFiles) Load(dtype torch.DType, device torch.Device) (*vae.Model, error) {
	cfg, err := vae.ConfigFromWeights(v.source, v.config)
	if err != nil {
		return nil, err
	}
	return vae.New(weights.NewParams(v.source, vaeType(dtype), device), cfg)
}

// vaeType is what an autoencoder computes in: in float16 it may overflow to black images.
func vaeType(dtype torch.DType) torch.DType {
	if dtype == torch.Float16 {
		return torch.Float32
	}
	return dtype
}

// Close closes the files.
func (v *VAEFiles) Close() error {
	var errs []error
	for _, f := range v.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
