package score

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Allow is something that Read lets pass.
type Allow int

// AllowCut lets the last line be cut off, as a process leaves it that is killed while it writes. The line is dropped.
const AllowCut Allow = 1

// Write writes a record, rounded, as one line of JSON in a single call of w.Write, so that lines of several writers do not mix and
// a kill leaves at most the last line cut off. It refuses a record that is not valid.
func Write(w io.Writer, r Record) error {
	r = r.Round()
	if err := r.Validate(); err != nil {
		return fmt.Errorf("write record %s: %w", r.Key(), err)
	}
	var line bytes.Buffer
	enc := json.NewEncoder(&line) // ends the line
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("write record %s: %w", r.Key(), err)
	}
	if _, err := w.Write(line.Bytes()); err != nil {
		return fmt.Errorf("write record %s: %w", r.Key(), err)
	}
	return nil
}

// Read reads records, one line of JSON each; blank lines are passed over, and so are fields that it does not know. The error names
// the line (from 1) that is no record. Only with AllowCut a last line without a newline that is no whole record is dropped without
// a word.
func Read(r io.Reader, allow ...Allow) ([]Record, error) {
	cut := false
	for _, a := range allow {
		cut = cut || a == AllowCut
	}
	records, _, err := read(r, cut)
	return records, err
}

// CompressedSuffix ends the name of a file of records that is compressed by gzip: to be kept, and not to be written to any more.
const CompressedSuffix = ".gz"

// ReadFile is Read of a file, through gzip where its name ends in CompressedSuffix. A compressed file that is cut off is always an error.
func ReadFile(path string, allow ...Allow) ([]Record, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if !strings.HasSuffix(path, CompressedSuffix) {
		return Read(file, allow...)
	}
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("read records: %w", err)
	}
	return Read(unzipped)
}

// Resume reads the records of a results file that is to be gone on with, drops a last line that is cut off from the file itself, and
// leaves the file ready for the next Write. The file must be open for reading and writing.
func Resume(f *os.File) ([]Record, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("resume %s: %w", f.Name(), err)
	}
	records, whole, err := read(f, true)
	if err != nil {
		return nil, fmt.Errorf("resume %s: %w", f.Name(), err)
	}
	if err := f.Truncate(whole.bytes); err != nil {
		return nil, fmt.Errorf("resume %s: drop the line that is cut off: %w", f.Name(), err)
	}
	if _, err := f.Seek(0, io.SeekEnd); err != nil {
		return nil, fmt.Errorf("resume %s: %w", f.Name(), err)
	}
	if whole.open {
		if _, err := f.WriteString("\n"); err != nil {
			return nil, fmt.Errorf("resume %s: end the last line: %w", f.Name(), err)
		}
	}
	return records, nil
}

// extent is how much of a file holds whole records.
type extent struct {
	bytes int64
	open  bool // the last record lacks its newline
}

func read(r io.Reader, cut bool) ([]Record, extent, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	var records []Record
	var whole extent
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return nil, whole, fmt.Errorf("read records: line %d: %w", n, err)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			record, err := parse(line)
			if err != nil && last && cut && isCut(line) {
				return records, whole, nil
			}
			if err != nil {
				hint := ""
				if last {
					hint = " (the file ends within this line: was its writer killed?)"
				}
				return nil, whole, fmt.Errorf("read records: line %d is no record%s: %w", n, hint, err)
			}
			records = append(records, record)
			whole.open = last
		}
		whole.bytes += int64(len(line))
		if last {
			return records, whole, nil
		}
	}
}

func parse(line []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(line, &r); err != nil {
		return r, err
	}
	return r, r.Validate()
}

// isCut tells whether a line is the beginning of a record, and not something else that must not be thrown away. After a power
// failure a file may end in zeros.
func isCut(line []byte) bool {
	line = bytes.TrimRight(line, "\x00")
	if len(line) == 0 {
		return true
	}
	var syntax *json.SyntaxError
	err := json.Unmarshal(line, &Record{})
	return line[0] == '{' && errors.As(err, &syntax) && syntax.Offset >= int64(len(line))
}
