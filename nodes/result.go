package nodes

// Kinds of files, which are also the folders that ComfyUI's /view knows.
const (
	OutputFile = "output"
	TempFile   = "temp"
)

// Result is what a node gives back.
type Result struct {
	// Values has one entry for each declared output: a string, bool or number, a Value that must be closed, or a List of these.
	Values []any
	// UI is what editors show below the node; each entry is a list, as ComfyUI wants it: {"text": ["…"]}. It does not name
	// files: the host adds "images" from the Files when it knows what they came to be called.
	UI map[string]any
	// Files are for the host to write, whole, in this order.
	Files []File
}

// File is a file's content and where it belongs.
type File struct {
	// Name is a pattern for fmt.Sprintf with one integer, e.g. "ComfyUI_%05d_.png" (a literal percent sign is doubled). The
	// host puts in the first number that no file of that folder and pattern exceeds or equals, counting from 1; files of one
	// Result with equal patterns get consecutive numbers. A Name without a verb is written as it is.
	Name string
	// Subfolder is a relative path with forward slashes below the folder of Type, "" for that folder itself; never with "..".
	Subfolder string
	Type      string // OutputFile or TempFile
	Data      []byte
}

// Value is what travels along links other than text and numbers: a host holds it by a handle and closes it.
type Value interface {
	ComfyType() string
	// Close frees what it holds. A second Close does nothing.
	Close()
}

// List is what a node gives at an output that its entry marks in output_is_list: none, one or several values.
type List []any

// Close closes all values that can be closed.
func (r Result) Close() { closeAll(r.Values) }

func closeAll(values []any) {
	for _, v := range values {
		switch v := v.(type) {
		case Value:
			v.Close()
		case List:
			closeAll(v)
		}
	}
}
