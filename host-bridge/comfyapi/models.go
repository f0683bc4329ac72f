package comfyapi

import (
	"encoding/json"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/host-bridge/graph"
)

// modelFoldersOfComfyUI are the folders of models that ComfyUI has, with the inputs of nodes whose choices are what lies in them.
var modelFoldersOfComfyUI = map[string][]string{
	"checkpoints": {"ckpt_name"}, "loras": {"lora_name"}, "vae": {"vae_name"}, "text_encoders": {"clip_name", "clip_name1", "clip_name2", "clip_name3"},
	"diffusion_models": {"unet_name"}, "controlnet": {"control_net_name"}, "clip_vision": nil, "style_models": {"style_model_name"},
	"embeddings": nil, "upscale_models": nil, "hypernetworks": {"hypernetwork_name"}, "gligen": {"gligen_name"},
	"vae_approx": nil, "photomaker": nil, "classifiers": nil, "model_patches": nil,
}

// modelEndings are the files that hold models.
var modelEndings = []string{".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".pkl"}

// modelFile is one file of a folder of models.
type modelFile struct {
	name string // relative, with forward slashes
	root int    // index in Config.Models
	info fs.FileInfo
}

func (s *Server) models(w http.ResponseWriter, _ *http.Request) error {
	answer(w, slices.Sorted(maps.Keys(modelFoldersOfComfyUI)))
	return nil
}

func (s *Server) modelsOf(w http.ResponseWriter, r *http.Request) error {
	folder := r.PathValue("folder")
	inputs, ok := modelFoldersOfComfyUI[folder]
	if !ok {
		return wrongStatus(http.StatusNotFound, "there is no folder of models %s; GET /models lists them", quoted(folder))
	}
	names := s.chosen(r, inputs)
	for _, f := range s.modelsIn(folder) {
		names = append(names, f.name)
	}
	slices.Sort(names)
	answer(w, append([]string{}, slices.Compact(names)...))
	return nil
}

// chosen are the choices of inputs of these names: what workers on other machines have, and what has a name of its own.
func (s *Server) chosen(r *http.Request, inputs []string) []string {
	if len(inputs) == 0 {
		return nil
	}
	schemas, err := s.schemasOf(r.Context())
	if err != nil {
		return nil // without workers there are only the files
	}
	var names []string
	for _, schema := range schemas {
		for _, name := range inputs {
			if in, ok := schema.Input(name); ok {
				names = append(names, choices(in)...)
			}
		}
	}
	return names
}

func choices(in *graph.InputSchema) []string {
	var names []string
	for _, c := range in.Choices {
		if name, ok := c.(string); ok {
			names = append(names, name)
		}
	}
	return names
}

// modelsIn lists the files of one folder in all roots; of two with one name the first root's counts.
func (s *Server) modelsIn(folder string) []modelFile {
	var found []modelFile
	seen := map[string]bool{}
	for i, root := range s.config.Models {
		listModels(filepath.Join(root, folder), func(name string, info fs.FileInfo) {
			if !seen[name] {
				seen[name] = true
				found = append(found, modelFile{name: name, root: i, info: info})
			}
		})
	}
	return found
}

func (s *Server) embeddings(w http.ResponseWriter, _ *http.Request) error {
	names := []string{}
	for _, f := range s.modelsIn("embeddings") {
		names = append(names, strings.TrimSuffix(f.name, path.Ext(f.name)))
	}
	slices.Sort(names)
	answer(w, names)
	return nil
}

func (s *Server) modelFolders(w http.ResponseWriter, _ *http.Request) error {
	list := []map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(modelFoldersOfComfyUI)) {
		list = append(list, map[string]any{"name": name, "folders": s.pathsOf(name)})
	}
	answer(w, list)
	return nil
}

func (s *Server) pathsOf(folder string) []string {
	paths := []string{}
	for _, root := range s.config.Models {
		paths = append(paths, filepath.Join(root, folder))
	}
	return paths
}

func (s *Server) modelFiles(w http.ResponseWriter, r *http.Request) error {
	folder := r.PathValue("folder")
	if _, ok := modelFoldersOfComfyUI[folder]; !ok {
		return wrongStatus(http.StatusNotFound, "there is no folder of models %s; GET /experiment/models lists them", quoted(folder))
	}
	list := []map[string]any{}
	for _, f := range s.modelsIn(folder) {
		list = append(list, map[string]any{"name": f.name, "pathIndex": f.root, "size": f.info.Size(),
			"modified": f.info.ModTime().Unix(), "created": f.info.ModTime().Unix()})
	}
	answer(w, list)
	return nil
}

// modelPreview gives the picture that lies beside a model: of the same name, with or without ".preview".
func (s *Server) modelPreview(w http.ResponseWriter, r *http.Request) error {
	folder := r.PathValue("folder")
	name, ok := localPath(r.PathValue("file"))
	_, known := modelFoldersOfComfyUI[folder]
	root, given := s.rootAt(r.PathValue("index"))
	if ok && known && given {
		stem := strings.TrimSuffix(name, path.Ext(name))
		for _, ending := range []string{".preview.png", ".png", ".preview.jpg", ".jpg", ".jpeg", ".webp"} {
			at := filepath.Join(root, folder, filepath.FromSlash(stem+ending))
			if text, err := readSmall(at, 16<<20); err == nil {
				w.Header().Set("Content-Type", contentType(ending))
				w.Header().Set("X-Content-Type-Options", "nosniff")
				serveBytes(w, r, text)
				return nil
			}
		}
	}
	return wrongStatus(http.StatusNotFound, "there is no picture of %s", quoted(r.PathValue("file")))
}

func (s *Server) rootAt(index string) (string, bool) {
	for i, root := range s.config.Models {
		if index == string(jsonOf(i)) {
			return root, true
		}
	}
	return "", false
}

// viewMetadata gives what the header of a .safetensors file says of its making.
func (s *Server) viewMetadata(w http.ResponseWriter, r *http.Request) error {
	folder, name := r.PathValue("folder"), r.URL.Query().Get("filename")
	missing := wrongStatus(http.StatusNotFound, "there is no %s file %s with metadata", quoted(folder), quoted(name))
	plain, ok := localPath(name)
	if _, known := modelFoldersOfComfyUI[folder]; !ok || !known || !strings.HasSuffix(name, ".safetensors") {
		return missing
	}
	for _, root := range s.config.Models {
		header, err := safetensorsHeader(filepath.Join(root, folder, filepath.FromSlash(plain)))
		if err != nil {
			continue
		}
		var of map[string]json.RawMessage
		if json.Unmarshal(header, &of) == nil && of["__metadata__"] != nil {
			answerText(w, http.StatusOK, of["__metadata__"])
			return nil
		}
	}
	return missing
}
