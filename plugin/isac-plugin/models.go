package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/isac-guidance/isac/nodes"
	"github.com/isac-guidance/isac/plugin"
)

// models is the command of that name.
type models struct {
	Paths []string `arg:"" optional:"" name:"dir" help:"Folders of models, or models. Default: those of --models."`
	JSON  bool     `name:"json" help:"Print JSON, for programs."`
}

// Run lists what lies in the folders. It reads headers and config files only and works without libtorch.
func (m *models) Run(c *commands) error {
	paths := m.Paths
	if len(paths) == 0 {
		paths = c.Models
	}
	if len(paths) == 0 {
		return fmt.Errorf("no folder of models: name one, give --models DIR or set %s", plugin.EnvModels)
	}
	found, err := findModels(paths)
	if err != nil {
		return err
	}
	listed := []listedModel{} // [] in JSON, not null
	for _, name := range slices.Sorted(maps.Keys(found)) {
		listed = append(listed, inspectModel(name, found[name]))
	}
	if m.JSON {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(listed)
	}
	return printModels(os.Stdout, listed, paths)
}

// findModels finds the models in folders, as the loader's list does, by name; a path may be a single file too. All paths that are not
// there are told at once.
func findModels(paths []string) (map[string]string, error) {
	found := map[string]string{}
	var folders []string
	var errs []error
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("folder of models: %w", err))
		case info.IsDir(), filepath.Ext(path) == ".yaml", filepath.Ext(path) == ".yml":
			folders = append(folders, path)
		default:
			found[filepath.Base(path)] = path
		}
	}
	for name, path := range nodes.Checkpoints(folders) {
		found[name] = path
	}
	return found, errors.Join(errs...)
}

// printModels prints a table of the models that can be loaded, and what the others are.
func printModels(w io.Writer, listed []listedModel, paths []string) error {
	if len(listed) == 0 {
		_, err := fmt.Fprintf(w, "no model in %s: put .safetensors files or diffusers folders there\n", strings.Join(paths, ", "))
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tFAMILY\tLAYOUT\tSTORED AS\tON DISK\tPARAMETERS\tWEIGHTS\tIN FP32")
	for _, m := range listed {
		if m.Error != "" {
			fmt.Fprintf(t, "%s\t-\t-\t-\t%s\t-\t-\t-\n", m.Name, bytesText(m.Size))
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			m.Name, m.Family, m.Layout, m.Precision, bytesText(m.Size), countText(m.Parameters), bytesText(m.WeightBytes), bytesText(m.WeightBytesFP32))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, m := range listed {
		for _, note := range m.Notes {
			fmt.Fprintf(w, "\n%s: %s\n", m.Name, note)
		}
		if m.Error != "" {
			fmt.Fprintf(w, "\n%s cannot be loaded: %s\n", m.Name, m.Error)
		}
	}
	return nil
}

func bytesText(n int64) string {
	if n < 1<<29 {
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30))
}

func countText(n int64) string {
	if n < 1e9 {
		return fmt.Sprintf("%.1f M", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2f G", float64(n)/1e9)
}
