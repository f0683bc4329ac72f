package comfyapi

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"mime"
	"path"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/host-bridge/store"
)

// exists tells whether a file that an input names is there.
func (s *Server) exists(ref graph.FileRef) bool {
	folder, ok := subfolder(ref.Subfolder)
	if !ok {
		return false
	}
	file, _, err := s.queue.Files().Open(context.Background(), ref.Kind, folder, ref.Name)
	if err != nil {
		return false
	}
	return file.Close() == nil
}

// withFiles fills in the choices of inputs that name files of the input folder: the process that describes nodes does not have it. As in
// ComfyUI these are the files of the folder itself, not those below.
func (s *Server) withFiles(ctx context.Context, entries map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	var list []store.FileInfo
	filled := maps.Clone(entries)
	for class, entry := range entries {
		if !bytes.Contains(entry, []byte(`"input_files"`)) {
			continue
		}
		if list == nil {
			var err error
			if list, err = s.queue.Files().List(ctx, "input"); err != nil {
				return nil, err
			}
		}
		filled[class] = withChoices(entry, list)
	}
	return filled, nil
}

// withChoices is an entry with the names of files put in where its inputs ask for them.
func withChoices(entry json.RawMessage, list []store.FileInfo) json.RawMessage {
	for _, group := range []string{"required", "optional"} {
		entry = edit(entry, []string{"input", group}, func(inputs json.RawMessage) json.RawMessage {
			var members map[string][]json.RawMessage
			if json.Unmarshal(inputs, &members) != nil {
				return inputs
			}
			for name, pair := range members {
				var options struct {
					Files string `json:"input_files"`
				}
				if len(pair) != 2 || json.Unmarshal(pair[1], &options) != nil || options.Files == "" {
					continue
				}
				choices, err := plainJSON(namesOf(options.Files, list))
				if err != nil {
					continue
				}
				value := slices.Concat([]byte("["), choices, []byte(","), pair[1], []byte("]"))
				inputs = edit(inputs, []string{name}, func(json.RawMessage) json.RawMessage { return value })
			}
			return inputs
		})
	}
	return entry
}

// namesOf are the files of a sort: "image", "latent", or "any".
func namesOf(sort string, list []store.FileInfo) []string {
	names := []string{}
	for _, f := range list {
		ending := strings.ToLower(path.Ext(f.Name))
		switch {
		case f.Subfolder != "":
		case sort == "image" && !strings.HasPrefix(mime.TypeByExtension(ending), "image/") && ending != ".webp":
		case sort == "latent" && ending != ".latent":
		default:
			names = append(names, f.Name)
		}
	}
	return names
}

// edit changes the value at a path of an object and leaves all else, the order of members too, as it is. A path that is not there changes
// nothing.
func edit(doc json.RawMessage, at []string, change func(json.RawMessage) json.RawMessage) json.RawMessage {
	if len(at) == 0 {
		return change(doc)
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return doc
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return doc
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return doc
		}
		if end := int(d.InputOffset()); key == at[0] {
			return slices.Concat(doc[:end-len(value)], edit(value, at[1:], change), doc[end:])
		}
	}
	return doc
}
