package migrate

import (
	"encoding/base64"
	"strings"
)

// decodeKey reads a key of the index: a path's parts, each in base64, with points between them; "=" is an empty one.
func decodeKey(key string) (path string, ok bool) {
	parts := strings.Split(key, ".")
	for i, part := range parts {
		if part == "=" {
			parts[i] = ""
			continue
		}
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			return "", false
		}
		parts[i] = string(text)
	}
	return strings.Join(parts, "/"), true
}
