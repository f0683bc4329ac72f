package family

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/controlnet"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// ControlFiles are the open files of a control net.
type ControlFiles struct {
	source weights.Source
	config map[string]any
	pool   bool
	files  []*weights.File
}

// controlPrefix begins the names of a control net's tensors in files of the first release.
const controlPrefix = "control_model."

// otherControls are files beside control nets that are none that can be loaded, by the beginning of a name.
var otherControls = []sign{
	{"lora_controlnet", "a control LoRA"},
	{"lllite_", "a ControlNet-LLLite"},
	{"adapter.", "a T2I-Adapter"},
	{"body.", "a T2I-Adapter"},
	{"after_proj_list.", "a ControlNet of Hunyuan-DiT"},
	{"controlnet_blocks.", "a ControlNet of a diffusion transformer (Stable Diffusion 3, Flux)"},
	{"control_net.", "a ControlNet of a diffusion transformer (Stable Diffusion 3, Flux)"},
	{"controlnet_x_embedder.", "a ControlNet of a diffusion transformer (Stable Diffusion 3, Flux)"},
	{"pos_embed_input.", "a ControlNet of a diffusion transformer (Stable Diffusion 3, Flux)"},
	{"task_embedding", "a ControlNet of several kinds in one (union)"},
}

// OpenControlNet opens a control net of a UNet: a file under the names of the first release (with and without "control_model.", or within a whole
// checkpoint) or of diffusers, or a folder as diffusers writes it. Beside a file its config.json may lie, of the same name with the ending
// .json. Any other file is weights.ErrUnsupported, with what it is.
func OpenControlNet(path string) (*ControlFiles, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open control net: %w", err)
	}
	c := &ControlFiles{}
	if info.IsDir() {
		err = c.openFolder(path)
	} else {
		err = c.openFile(path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open control net: %w", err), c.Close())
	}
	return c, nil
}

func (c *ControlFiles) openFolder(path string) error {
	config, err := weights.ReadJSON(filepath.Join(path, "config.json"))
	if err != nil {
		return err
	}
	src, files, err := weights.OpenPart(path, "diffusion_pytorch_model")
	c.files, c.config = files, config
	if err != nil {
		return err
	}
	return c.take(path, src)
}

func (c *ControlFiles) openFile(path string) error {
	f, err := weights.Open(path)
	if err != nil {
		return err
	}
	c.files = []*weights.File{f}
	var src weights.Source = f
	if f.Has("difference") {
		return fmt.Errorf("%s: this is a ControlNet stored as the difference from a model, give a whole one: %w", path, weights.ErrUnsupported)
	}
	if within := weights.Prefix(f, controlPrefix); len(within.Names()) > 0 {
		src = within
	}
	if err := c.take(path, src); err != nil {
		return err
	}
	name := strings.TrimSuffix(path, filepath.Ext(path))
	// Such files say nothing of it; ComfyUI goes by the name that the net was released under, and so do the files that people have.
	c.pool = strings.HasSuffix(name, "_shuffle") || strings.HasSuffix(name, "_shuffle_fp16")
	if beside := name + ".json"; exists(beside) {
		c.config, err = weights.ReadJSON(beside)
	}
	return err
}

// take gives the tensors diffusers' names.
func (c *ControlFiles) take(path string, src weights.Source) error {
	names := src.Names()
	for _, s := range otherControls {
		if hasPrefix(names, s.prefix) {
			return fmt.Errorf("%s: this is %s; supported are control nets of UNets (Stable Diffusion 1.x, 2.x and XL): %w", path, s.kind, weights.ErrUnsupported)
		}
	}
	switch {
	case src.Has("controlnet_cond_embedding.conv_in.weight"):
		c.source = src
		return nil
	case src.Has("zero_convs.0.0.weight"):
		c.source = ldmControl(src)
		return nil
	}
	kind := ""
	if whole, err := recognise(src); err == nil {
		kind = "a whole checkpoint of " + whole.Title
	} else if kind = foreign(names); kind == "" {
		kind = piece(names)
	}
	if kind != "" {
		return fmt.Errorf("%s: this is %s, give a control net: %w", path, kind, weights.ErrUnsupported)
	}
	return fmt.Errorf("%s holds no control net: it has %d tensors such as %q, expected zero_convs.0.0.weight or controlnet_cond_embedding.conv_in.weight: %w",
		path, len(names), first(names), weights.ErrUnsupported)
}

// ldmControl shows a control net's tensors under diffusers' names; src has those of the first release.
func ldmControl(src weights.Source) weights.Source {
	to := ldmUNetNames(src)
	mapBelow(src, to, "middle_block_out.0", "controlnet_mid_block")
	for i := 0; src.Has(fmt.Sprintf("zero_convs.%d.0.weight", i)); i++ {
		mapBelow(src, to, fmt.Sprintf("zero_convs.%d.0", i), fmt.Sprintf("controlnet_down_blocks.%d", i))
	}
	// Convolutions have the even numbers; what is between them has no weights.
	last := 0
	for src.Has(fmt.Sprintf("input_hint_block.%d.weight", last+2)) {
		last += 2
	}
	for i := 0; i <= last; i += 2 {
		name := fmt.Sprintf("blocks.%d", i/2-1)
		switch i {
		case 0:
			name = "conv_in"
		case last:
			name = "conv_out"
		}
		mapBelow(src, to, fmt.Sprintf("input_hint_block.%d", i), "controlnet_cond_embedding."+name)
	}
	return weights.Renamed(src, to)
}

// Bytes is the memory that the weights take once they are loaded.
func (c *ControlFiles) Bytes(dtype torch.DType) int64 {
	m := Files{Denoiser: c.source}
	return m.Bytes(dtype)
}

// Config is the net's configuration. The error lists all mistakes.
func (c *ControlFiles) Config() (controlnet.Config, error) {
	cfg, err := controlnet.ConfigFromWeights(c.source, c.config)
	cfg.Pool = cfg.Pool || c.pool
	return cfg, err
}

// Load builds the control net, all of whose mistakes are reported together. It is the caller's to close.
func (c *ControlFiles) Load(dtype torch.DType, device torch.Device) (*controlnet.Model, error) {
	cfg, err := c.Config()
	if err != nil {
		return nil, err
	}
	return controlnet.New(weights.NewParams(c.source, dtype, device), cfg)
}

// Close closes the files.
func (c *ControlFiles) Close() error {
	var errs []error
	for _, f := range c.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
