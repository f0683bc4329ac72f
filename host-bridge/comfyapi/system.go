package comfyapi

import (
	"cmp"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// device is one device of a worker as /system_stats shows it.
type device struct {
	Name           string `json:"name"`
	Type           string `json:"type"`
	Index          *int   `json:"index"`
	VRAMTotal      uint64 `json:"vram_total"`
	VRAMFree       uint64 `json:"vram_free"`
	TorchVRAMTotal uint64 `json:"torch_vram_total"`
	TorchVRAMFree  uint64 `json:"torch_vram_free"`
	// Worker has it; ours, not ComfyUI's.
	Worker string `json:"isac_worker"`
}

// systems are Python's names of operating systems.
var systems = map[string]string{"windows": "win32"}

func (s *Server) systemStats(w http.ResponseWriter, _ *http.Request) error {
	devices := []device{}
	torch := ""
	for _, worker := range s.queue.Workers() {
		torch = cmp.Or(torch, worker.Torch.Version)
		for _, d := range worker.Devices {
			kind, number, _ := strings.Cut(d.Name, ":")
			out := device{
				Name: d.Name, Type: kind, VRAMTotal: d.TotalBytes, VRAMFree: d.FreeBytes, TorchVRAMTotal: d.ReservedBytes, Worker: worker.ID,
			}
			if d.Description != "" {
				out.Name += " " + d.Description
			}
			if i, err := strconv.Atoi(number); err == nil {
				out.Index = &i
			}
			if d.ReservedBytes > d.AllocatedBytes {
				out.TorchVRAMFree = d.ReservedBytes - d.AllocatedBytes
			}
			devices = append(devices, out)
		}
	}
	total, free := memory()
	answer(w, map[string]any{
		"system": map[string]any{
			"os": cmp.Or(systems[runtime.GOOS], runtime.GOOS), "ram_total": total, "ram_free": free,
			"comfyui_version": APIVersion, "isac_host_version": s.config.Version,
			"required_frontend_version": "", "installed_templates_version": "", "required_templates_version": "",
			"python_version": "none (" + runtime.Version() + ")", "pytorch_version": torch,
			"embedded_python": false, "argv": []string{"isac-host", "serve"}, // the real one may hold the token
		},
		"devices": devices,
	})
	return nil
}

// features is what this server can do, for GET /features and for sockets that ask.
func (c Config) features() map[string]any {
	return map[string]any{
		"supports_preview_metadata": true,
		"max_upload_size":           c.Limits.UploadBytes,
		"supports_model_type_tags":  false,
		"extension":                 map[string]any{"manager": map[string]any{"supports_v4": false}},
		"node_replacements":         false,
		"assets":                    false,
	}
}

func (s *Server) features(w http.ResponseWriter, _ *http.Request) error {
	answer(w, s.config.features())
	return nil
}

func (s *Server) extensions(w http.ResponseWriter, _ *http.Request) error {
	answer(w, s.page.scripts())
	return nil
}

// templates are the names of example workflows by pack.
func (s *Server) templates(w http.ResponseWriter, _ *http.Request) error {
	out := map[string][]string{}
	for _, pack := range slices.Sorted(maps.Keys(s.config.Templates)) {
		names, err := fs.Glob(s.config.Templates[pack], "*.json")
		if err != nil {
			return err
		}
		out[pack] = []string{}
		for _, name := range names {
			out[pack] = append(out[pack], strings.TrimSuffix(name, ".json"))
		}
	}
	answer(w, out)
	return nil
}

// template gives a workflow, or the picture beside it.
func (s *Server) template(w http.ResponseWriter, r *http.Request) error {
	pack, name := r.PathValue("pack"), r.PathValue("name")
	files, ok := s.config.Templates[pack]
	if ok && localName(name) && slices.Contains([]string{".json", ".jpg", ".png", ".webp"}, path.Ext(name)) {
		if text, err := fs.ReadFile(files, name); err == nil {
			w.Header().Set("Content-Type", contentType(name))
			w.Header().Set("X-Content-Type-Options", "nosniff")
			serveBytes(w, r, text)
			return nil
		}
	}
	return wrongStatus(http.StatusNotFound, "there is no template %s of %s", quoted(name), quoted(pack))
}
