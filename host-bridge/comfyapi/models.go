package comfyapi

import (
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/plugin/modelfolder"
)

// inputsOf are the inputs of nodes whose choices are what lies in a folder of models.
var inputsOf = map[string][]string{
	"checkpoints": {"ckpt_name"}, "loras": {"lora_name"}, "vae": {"vae_name"}, "text_encoders": {"clip_name", "clip_name1", "clip_name2", "clip_name3"},
	"diffusion_models": {"unet_name"}, "controlnet": {"control_net_name"}, "style_models": {"style_model_name"},
	"hypernetworks": {"hypernetwork_name"}, "gligen": {"gligen_name"}, "upscale_models": {"model_name"},
}

// tree is what lies in the folders of models now.
func (s *Server) tree() *modelfolder.Tree { return modelfolder.New(s.config.Models) }

func isFolderOfModels(name string) bool { return slices.Contains(modelfolder.Kinds(), name) }

func (s *Server) models(w http.ResponseWriter, _ *http.Request) error {
	answer(w, modelfolder.Kinds())
	return nil
}

// modelsOf lists a folder. Where nodes have it to choose from, the list is theirs: what a workflow may name, also of workers on other
// machines. Else it is the files.
func (s *Server) modelsOf(w http.ResponseWriter, r *http.Request) error {
	folder := r.PathValue("folder")
	if !isFolderOfModels(folder) {
		return wrongStatus(http.StatusNotFound, "there is no folder of models %s; GET /models lists them", quoted(folder))
	}
	names, ok := s.chosen(r, inputsOf[folder])
	if !ok {
		for _, f := range s.tree().Files(folder) {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	answer(w, append([]string{}, slices.Compact(names)...))
	return nil
}

// chosen are the choices of inputs of these names; ok is false where no node has such an input, or no worker is there to say.
func (s *Server) chosen(r *http.Request, inputs []string) (names []string, ok bool) {
	if len(inputs) == 0 {
		return nil, false
	}
	schemas, err := s.schemasOf(r.Context())
	if err != nil {
		return nil, false
	}
	for _, schema := range schemas {
		for _, name := range inputs {
			if in, has := schema.Input(name); has {
				names, ok = append(names, choices(in)...), true
			}
		}
	}
	return names, ok
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

func (s *Server) embeddings(w http.ResponseWriter, _ *http.Request) error {
	names := []string{}
	for _, f := range s.tree().Files("embeddings") {
		names = append(names, strings.TrimSuffix(f.Name, path.Ext(f.Name)))
	}
	slices.Sort(names)
	answer(w, slices.Compact(names))
	return nil
}

func (s *Server) modelFolders(w http.ResponseWriter, _ *http.Request) error {
	list, tree := []map[string]any{}, s.tree()
	for _, name := range modelfolder.Kinds() {
		list = append(list, map[string]any{"name": name, "folders": append([]string{}, tree.Folders(name)...)})
	}
	answer(w, list)
	return nil
}

func (s *Server) modelFiles(w http.ResponseWriter, r *http.Request) error {
	folder := r.PathValue("folder")
	if !isFolderOfModels(folder) {
		return wrongStatus(http.StatusNotFound, "there is no folder of models %s; GET /experiment/models lists them", quoted(folder))
	}
	list := []map[string]any{}
	for _, f := range s.tree().Files(folder) {
		if f.Info == nil {
			continue // a folder in diffusers' layout
		}
		list = append(list, map[string]any{"name": f.Name, "pathIndex": f.Folder, "size": f.Info.Size(),
			"modified": f.Info.ModTime().Unix(), "created": f.Info.ModTime().Unix()})
	}
	answer(w, list)
	return nil
}

// modelPreview gives the picture that lies beside a model: of the same name, with or without ".preview".
func (s *Server) modelPreview(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("file")
	for _, f := range s.tree().Files(r.PathValue("folder")) {
		if f.Name != name || r.PathValue("index") != string(jsonOf(f.Folder)) {
			continue
		}
		stem := strings.TrimSuffix(f.Path, path.Ext(f.Path))
		for _, ending := range []string{".preview.png", ".png", ".preview.jpg", ".jpg", ".jpeg", ".webp"} {
			if text, err := readSmall(stem+ending, 16<<20); err == nil {
				w.Header().Set("Content-Type", contentType(ending))
				w.Header().Set("X-Content-Type-Options", "nosniff")
				serveBytes(w, r, text)
				return nil
			}
		}
	}
	return wrongStatus(http.StatusNotFound, "there is no picture of %s", quoted(name))
}

// viewMetadata gives what the header of a .safetensors file says of its making.
func (s *Server) viewMetadata(w http.ResponseWriter, r *http.Request) error {
	folder, name := r.PathValue("folder"), r.URL.Query().Get("filename")
	if f, ok := s.tree().Find(folder, name); ok && f.Info != nil && strings.HasSuffix(name, ".safetensors") {
		header, err := safetensorsHeader(f.Path)
		var of map[string]json.RawMessage
		if err == nil && json.Unmarshal(header, &of) == nil && of["__metadata__"] != nil {
			answerText(w, http.StatusOK, of["__metadata__"])
			return nil
		}
	}
	return wrongStatus(http.StatusNotFound, "there is no %s file %s with metadata", quoted(folder), quoted(name))
}
