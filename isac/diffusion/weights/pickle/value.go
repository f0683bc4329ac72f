package pickle

// What the machine makes: nil, bool, int64, float64, string, raw, *tuple, *list, *dict, global, *object, *storage, *tensor. All of them can be
// keys of a Go map; two tuples of equal items are two keys, which harms nobody here.
type (
	raw   string // bytes
	tuple struct{ items []any }
	list  struct{ items []any }
	// global is a name of a module, such as {"torch", "FloatStorage"}.
	global struct{ module, name string }
	// object is a value of a class whose content nobody needs.
	object struct{ class global }
)

func (g global) String() string { return g.module + "." + g.name }

// dict is a dictionary in the order of its making.
type dict struct {
	keys, values []any
	at           map[any]int
}

func (d *dict) set(key, value any) {
	if i, ok := d.at[key]; ok {
		d.values[i] = value
		return
	}
	if d.at == nil {
		d.at = map[any]int{}
	}
	d.at[key] = len(d.keys)
	d.keys, d.values = append(d.keys, key), append(d.values, value)
}

func (d *dict) get(key string) (any, bool) {
	i, ok := d.at[key]
	if !ok {
		return nil, false
	}
	return d.values[i], true
}

// storage is a run of elements in the file, at a place that is known when all is read.
type storage struct {
	key   string
	dtype string // "" for bytes of no type
	count int64  // of elements, or bytes where it has no type
	at    int64
}

// tensor is a view of a storage.
type tensor struct {
	of             *storage
	dtype          string
	offset         int64 // in elements
	shape, strides []int64
}

// kindOf names a value for people.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case *dict:
		return "a dictionary"
	case *list, *tuple:
		return "a list"
	case *tensor:
		return "a tensor"
	case *object:
		return "a " + v.class.String()
	case global:
		return "the class " + v.String()
	}
	return "a plain value"
}
