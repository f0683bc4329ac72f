package store

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// maxKey is how long a key of a value may be, in bytes.
const maxKey = 1536

// checkKey takes any UTF-8 text that is not too long.
func checkKey(path string) error {
	switch {
	case path == "":
		return errors.New("the key is empty; expected a path")
	case !utf8.ValidString(path):
		return fmt.Errorf("key %q is no UTF-8 text", path)
	case len(path) > maxKey:
		return fmt.Errorf("key %.40q… has %d bytes; %d fit", path, len(path), maxKey)
	}
	return nil
}
