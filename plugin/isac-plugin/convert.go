package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// convert is the command of that name.
type convert struct {
	Files []string `arg:"" name:"file" help:"Files of PyTorch: .ckpt, .pt, .pth, .bin."`
	Out   string   `short:"o" placeholder:"FILE|DIR" help:"The file to write, or the folder for several. Default: beside each, with the ending .safetensors."`
}

// Run writes files of PyTorch as safetensors: the same names, shapes and bytes. Nothing of them is run, and nothing that is there is
// written over. It works without libtorch. What is wrong with one file does not keep the others from being converted.
func (c *convert) Run() error {
	folder := false
	if info, err := os.Stat(c.Out); c.Out != "" && err == nil && info.IsDir() {
		folder = true
	} else if len(c.Files) > 1 && c.Out != "" {
		return fmt.Errorf("--out %s is no folder, and there are %d files: give a folder that exists", c.Out, len(c.Files))
	}
	var errs []error
	for _, file := range c.Files {
		to := strings.TrimSuffix(file, filepath.Ext(file)) + ".safetensors"
		if folder {
			to = filepath.Join(c.Out, filepath.Base(to))
		} else if c.Out != "" {
			to = c.Out
		}
		if err := convertFile(file, to); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func convertFile(from, to string) error {
	f, err := weights.Open(from)
	if err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	defer f.Close()
	if !f.Pickled() {
		return fmt.Errorf("convert %s: this is a safetensors file already, there is nothing to do", from)
	}
	if f.Scaled() {
		return fmt.Errorf("convert %s: its weights are 8-bit floats with scales, which are not converted; it can be loaded as it is", from)
	}
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("convert %s: %s already exists: remove it, or give another name with --out", from, to)
	}
	var tensors []weights.Stream
	for _, name := range f.Names() {
		dtype, _ := f.DType(name)
		shape, _ := f.Shape(name)
		tensors = append(tensors, weights.Stream{Name: name, DType: dtype, Shape: shape, Data: func(w io.Writer) error {
			data, err := f.Bytes(name)
			if err == nil {
				_, err = w.Write(data)
			}
			return err
		}})
	}
	if err := weights.WriteStream(to, tensors, map[string]string{"format": "pt"}); err != nil {
		return fmt.Errorf("convert %s: %w", from, err)
	}
	_, err = fmt.Fprintf(os.Stdout, "%s: %d tensors\n", to, len(tensors))
	return err
}
