package nodes

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/bench/detect"
	"github.com/isac-guidance/isac/isac/bench/detect/mini"
	"github.com/isac-guidance/isac/isac/bench/detect/onnx"
	"github.com/isac-guidance/isac/plugin/modelfolder"
)

// detectorsFolder is the folder of a tree of models in which detectors lie.
const detectorsFolder = "detectors"

// Detectors finds detectors in the model folders: files that end in .onnx in a folder "detectors", by their names relative to it, and folders
// that hold a detector.json, such as the mini model's, by theirs. Of two with one name the first folder's counts. Whether one can be
// loaded is not looked at.
func Detectors(folders []string) map[string]string {
	found := map[string]string{}
	for _, root := range modelfolder.New(folders).Roots() {
		modelfolder.Walk(root, func(string) bool { return true }, func(inside string, _ fs.FileInfo) {
			name, path := filepath.ToSlash(inside), filepath.Join(root, inside)
			switch below, within := belowDetectors(filepath.ToSlash(filepath.Base(root)) + "/" + name); {
			case filepath.Base(inside) == mini.SettingsFile:
				name, path = filepath.ToSlash(filepath.Dir(inside)), filepath.Dir(path)
				if name == "." {
					name = filepath.Base(path)
				}
			case strings.EqualFold(filepath.Ext(inside), ".onnx") && within:
				name = below
			default:
				return
			}
			if found[name] == "" {
				found[name] = path
			}
		})
	}
	return found
}

// belowDetectors is what of a path comes after the first folder of detectors.
func belowDetectors(path string) (below string, within bool) {
	parts := strings.Split(path, "/")
	at := slices.IndexFunc(parts[:len(parts)-1], func(p string) bool { return strings.EqualFold(p, detectorsFolder) })
	return strings.Join(parts[at+1:], "/"), at >= 0
}

// detectorNames lists the detectors of env, sorted, after what needs none.
func detectorNames(env *Env) []string {
	names := []string{ownMasks}
	if env == nil {
		return names
	}
	return append(names, slices.Sorted(maps.Keys(Detectors(env.ModelPaths)))...)
}

// openDetectors opens a file of a YOLO or of a Grounding DINO, or the folder of the mini model's detectors. The caller closes them.
func openDetectors(path string) ([]detect.Detector, error) {
	if !strings.EqualFold(filepath.Ext(path), ".onnx") {
		return mini.Open(path)
	}
	yolo, err := onnx.OpenYOLO(path, nil)
	if err == nil {
		return []detect.Detector{yolo}, nil
	}
	dino, wrong := onnx.OpenGroundingDINO(path)
	if wrong == nil {
		return []detect.Detector{dino}, nil
	}
	return nil, fmt.Errorf("it is neither a YOLO nor a Grounding DINO: %w", errors.Join(err, wrong))
}
