package queue

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxKey is how long an encoded key may be: NATS takes 4096 bytes for a whole command.
const maxKey = 2048

// Keys of NATS are tokens of few characters with dots between. A path becomes one token a segment, so that a folder can be
// asked for by its prefix.

func encodeKey(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = encodeToken(part)
	}
	return strings.Join(parts, ".")
}

func encodeToken(segment string) string {
	if segment == "" {
		return "="
	}
	return base64.RawURLEncoding.EncodeToString([]byte(segment))
}

func decodeKey(key string) (string, error) {
	parts := strings.Split(key, ".")
	for i, part := range parts {
		if part == "=" {
			parts[i] = ""
			continue
		}
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			return "", fmt.Errorf("key %q is none of ours: %w", key, err)
		}
		parts[i] = string(text)
	}
	return strings.Join(parts, "/"), nil
}

// checkKey takes any UTF-8 text that is not too long.
func checkKey(path string) error {
	switch {
	case path == "":
		return errors.New("the key is empty; expected a path")
	case !utf8.ValidString(path):
		return fmt.Errorf("key %q is no UTF-8 text", path)
	case len(encodeKey(path)) > maxKey:
		return fmt.Errorf("key %.40q… has %d bytes; about %d fit", path, len(path), maxKey*3/4)
	}
	return nil
}

// filterOf matches all keys that begin with a prefix of whole segments.
func filterOf(prefix string) string {
	if at := strings.LastIndexByte(prefix, '/'); at >= 0 {
		return encodeKey(prefix[:at]) + ".>"
	}
	return ">"
}
