package bench

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/bench/task"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/isac/torch"
)

// settingsVersion changes when records of before can no longer be put beside records of now.
const settingsVersion = 1

// Settings are what all pictures of a folder have in common. They lie in the folder as settings.json; a bench with others is
// refused there, because its pictures could not be compared.
type Settings struct {
	Version int `json:"version"`
	// Model and Detectors are known by their contents; their paths are for the reader.
	Model     Part   `json:"model"`
	Detectors []Part `json:"detectors"`
	// Device is "cpu" or "cuda": seconds and memory of the two do not compare.
	Device     string `json:"device"`
	DType      string `json:"dtype"`
	Checkpoint bool   `json:"checkpoint"`
	Sampling
	Measure bool            `json:"measure"`
	Look    *methods.Chosen `json:"look,omitempty"`
	Split   string          `json:"split"`
	// Sample and TaskSeed say which prompts there are; Numeracy is the file of its prompts, if that task was asked for.
	Sample   float64 `json:"sample"`
	TaskSeed uint64  `json:"task_seed"`
	Numeracy *Part   `json:"numeracy,omitempty"`
	// Reader tells which prompts of that file were not read. It follows from the file and the program, and is not compared.
	Reader *task.Reader `json:"reader,omitempty"`
	// Against is the method that a report compares the others with; "" is plain sampling. It is not compared: the last one counts.
	Against string `json:"against,omitempty"`
	// Methods are the options that each method stands for, null for plain sampling. Methods may be added.
	Methods map[string]*methods.Chosen `json:"methods"`
}

// Part is a file or folder that the results depend on.
type Part struct {
	Path string `json:"path"`
	Hash string `json:"hash"`
}

func part(path string) (Part, error) {
	hash, err := Fingerprint(path)
	return Part{Path: filepath.ToSlash(path), Hash: hash}, err
}

// settings are those of the request. All files that cannot be read are named in one error.
func (r Request) settings() (Settings, error) {
	var errs []error
	fingerprint := func(path string) Part {
		p, err := part(path)
		errs = append(errs, err)
		return p
	}
	s := Settings{
		Version: settingsVersion, Sampling: r.Sampling, Measure: r.Measure, Split: r.Split, Sample: r.Sample, TaskSeed: r.TaskSeed,
		Device: "cpu", DType: r.DType.String(), Checkpoint: r.Checkpoint, Against: r.Against, Methods: map[string]*methods.Chosen{},
	}
	if r.Device != "" && r.Device != torch.CPU {
		s.Device, _, _ = strings.Cut(string(r.Device), ":")
	}
	s.Model = fingerprint(r.Model)
	for _, spec := range r.Detectors {
		kind, path, _, err := splitSpec(spec)
		if err != nil {
			errs = append(errs, fmt.Errorf("detector %q: %w", spec, err))
			continue
		}
		p := fingerprint(path)
		p.Path = kind + ":" + p.Path
		s.Detectors = append(s.Detectors, p)
	}
	if r.NumeracyFile != "" {
		p := fingerprint(r.NumeracyFile)
		s.Numeracy = &p
	}
	if r.Measure {
		s.Look = &methods.Chosen{Method: r.Look}
	}
	for _, m := range r.Methods {
		s.Methods[m.String()] = m.Options()
	}
	return s, errors.Join(errs...)
}

// setting is one thing that has to be the same in two settings: id is compared, text is shown.
type setting struct{ what, text, id string }

// fixed lists what may not change within a folder.
func (s Settings) fixed() []setting {
	var names, hashes []string
	for _, d := range s.Detectors {
		names, hashes = append(names, d.String()), append(hashes, d.Hash)
	}
	slices.Sort(names)
	slices.Sort(hashes)
	list := []setting{
		{"model", s.Model.String(), s.Model.Hash},
		{"detectors", strings.Join(names, ", "), strings.Join(hashes, ",")},
	}
	for _, v := range []struct {
		what  string
		value any
	}{
		{"version of the settings", s.Version}, {"device", s.Device}, {"dtype", s.DType}, {"checkpoint", s.Checkpoint},
		{"sampler", s.Sampler}, {"scheduler", s.Scheduler}, {"steps", s.Steps}, {"cfg", s.CFG}, {"size", s.Size},
		{"measure", s.Measure}, {"options of measuring", compact(s.Look)},
		{"split", s.Split}, {"sample", s.Sample}, {"task seed", s.TaskSeed},
	} {
		text := fmt.Sprint(v.value)
		list = append(list, setting{v.what, text, text})
	}
	return list
}

// String names a part by the last folder or file of its path and its hash.
func (p Part) String() string {
	return fmt.Sprintf("%s (%s)", filepath.Base(p.Path), p.Hash)
}

func compact(o *methods.Chosen) string {
	if o == nil {
		return "none"
	}
	text, err := json.Marshal(o)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// join gives the settings of a folder that has had s and is now asked for next: the methods of both. Where they do not go
// together the error names each difference.
func (s Settings) join(next Settings) (Settings, error) {
	var errs []error
	differ := func(what, there, asked string) {
		errs = append(errs, fmt.Errorf("%s: %s there, %s asked for", what, there, asked))
	}
	asked := next.fixed()
	for i, there := range s.fixed() {
		if there.id != asked[i].id {
			differ(there.what, there.text, asked[i].text)
		}
	}
	if s.Numeracy != nil && next.Numeracy != nil && s.Numeracy.Hash != next.Numeracy.Hash {
		differ("prompts of numeracy", s.Numeracy.String(), next.Numeracy.String())
	}
	joined := s
	joined.Numeracy = cmp.Or(s.Numeracy, next.Numeracy)
	joined.Reader = cmp.Or(next.Reader, s.Reader)
	joined.Against = cmp.Or(next.Against, s.Against)
	joined.Methods = maps.Clone(s.Methods)
	for _, name := range slices.Sorted(maps.Keys(next.Methods)) {
		options := next.Methods[name]
		if known, ok := s.Methods[name]; ok && !reflect.DeepEqual(known, options) {
			differ("method "+name, compact(known), compact(options))
			continue
		}
		if joined.Methods == nil {
			joined.Methods = map[string]*methods.Chosen{}
		}
		joined.Methods[name] = options
	}
	return joined, errors.Join(errs...)
}
