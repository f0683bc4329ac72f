package bench

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2/maybe"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// Names in a folder of results.
const (
	settingsFile  = "settings.json"
	resultsPrefix = "results-"
	resultsSuffix = ".jsonl"
	imagesFolder  = "images"
)

// Folder holds the results of a bench:
//
//	settings.json     what all its pictures have in common
//	results-N.jsonl   one score.Record a line, from the N-th of several processes; results-N.jsonl.gz where it was compressed to be kept
//	images/HASH.png   the pictures, if they are kept
type Folder struct {
	Path     string
	Settings Settings
}

// OpenFolder opens a folder for a bench with these settings, and makes it where there is none. A folder of other settings is
// refused with an error that names each difference. A line that a killed process left unfinished is cut off: its picture
// counts as not made. Nothing else may write to the folder meanwhile, see Lock.
func OpenFolder(path string, settings Settings) (*Folder, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, err
	}
	before, err := readSettings(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		files, err := resultFiles(path)
		if err != nil {
			return nil, err
		}
		if len(files) > 0 {
			return nil, fmt.Errorf("%s has results but no %s: give another folder", path, settingsFile)
		}
		before = settings
	case err != nil:
		return nil, err
	}
	joined, err := before.join(settings)
	if err != nil {
		return nil, fmt.Errorf("%s holds results of another bench; give another folder, or ask for the same:\n%w", path, err)
	}
	text, err := json.MarshalIndent(joined, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := writeWhole(filepath.Join(path, settingsFile), append(text, '\n')); err != nil {
		return nil, err
	}
	f := &Folder{Path: path, Settings: joined}
	files, err := resultFiles(path)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if strings.HasSuffix(file, score.CompressedSuffix) {
			return nil, fmt.Errorf("%s is compressed, which nothing is added to: gunzip it to go on with its bench, or give another folder", file)
		}
		if err := mend(file); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// ReadFolder opens a folder to read, and changes nothing in it.
func ReadFolder(path string) (*Folder, error) {
	s, err := readSettings(path)
	if err != nil {
		return nil, fmt.Errorf("%s is no folder of results: %w", path, err)
	}
	return &Folder{Path: path, Settings: s}, nil
}

func readSettings(path string) (s Settings, err error) {
	text, err := os.ReadFile(filepath.Join(path, settingsFile))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("%s: %w", filepath.Join(path, settingsFile), err)
	}
	if s.Version != settingsVersion {
		return s, fmt.Errorf("%s is of version %d, this program writes %d: give another folder", filepath.Join(path, settingsFile), s.Version, settingsVersion)
	}
	return s, nil
}

// resultFiles lists the files of results by name, compressed or not. The same one twice is an error: its pictures would count twice.
func resultFiles(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), score.CompressedSuffix)
		if !strings.HasPrefix(name, resultsPrefix) || !strings.HasSuffix(name, resultsSuffix) {
			continue
		}
		if e.Name() != name && slices.Contains(files, filepath.Join(path, name)) { // entries are sorted
			return nil, fmt.Errorf("%s has both %s and %s: remove one of them", path, name, e.Name())
		}
		files = append(files, filepath.Join(path, e.Name()))
	}
	return files, nil
}

// Records reads all results, sorted by key: in which order, and by how many processes, they were made leaves no trace.
func (f *Folder) Records() ([]score.Record, error) {
	files, err := resultFiles(f.Path)
	if err != nil {
		return nil, err
	}
	var all []score.Record
	for _, name := range files {
		records, err := readRecords(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, records...)
	}
	slices.SortStableFunc(all, func(a, b score.Record) int { return strings.Compare(a.Key(), b.Key()) })
	return all, nil
}

// readRecords reads one file. Its last line may still be in the writing.
func readRecords(name string) ([]score.Record, error) {
	return score.ReadFile(name, score.AllowCut)
}

// mend cuts off what a killed process left of a file's last line.
func mend(name string) error {
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = score.Resume(file)
	return err
}

// writeWhole writes a file so that it is there whole or not at all.
func writeWhole(path string, data []byte) error {
	return maybe.WriteFile(path, data, 0o644)
}

// picture is where the picture of a record is kept.
func (f *Folder) picture(r score.Record) string {
	hash := sha256.Sum256([]byte(r.Key()))
	return filepath.Join(f.Path, imagesFolder, hex.EncodeToString(hash[:12])+".png")
}

// Keep writes the picture of a record.
func (f *Folder) Keep(r score.Record, picture image.Image) error {
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(f.Path, imagesFolder), 0o755); err != nil {
		return err
	}
	return writeWhole(f.picture(r), b.Bytes())
}

// Picture reads the picture of a record; the error is os.ErrNotExist where it was not kept.
func (f *Folder) Picture(r score.Record) (image.Image, error) {
	file, err := os.Open(f.picture(r))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return png.Decode(file)
}

// Pictures says whether the folder keeps any pictures.
func (f *Folder) Pictures() bool {
	entries, err := os.ReadDir(filepath.Join(f.Path, imagesFolder))
	return err == nil && len(entries) > 0
}

// Writer appends records to one file of results.
type Writer struct{ file *os.File }

// Writer opens the results of the shard-th process.
func (f *Folder) Writer(shard int) (*Writer, error) {
	name := filepath.Join(f.Path, fmt.Sprintf("%s%d%s", resultsPrefix, shard, resultsSuffix))
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	return &Writer{file}, nil
}

// Write appends a record. It is on the disk when Write returns.
func (w *Writer) Write(r score.Record) error {
	if err := score.Write(w.file, r); err != nil {
		return err
	}
	return w.file.Sync()
}

// Close closes the file.
func (w *Writer) Close() error { return w.file.Close() }
