package comfyapi

import (
	"encoding/hex"

	"github.com/google/uuid"
)

// isUUID takes one form of a UUID alone, the canonical one: ids are compared as they are.
func isUUID(id string) bool {
	parsed, err := uuid.Parse(id)
	return err == nil && parsed.String() == id
}

// newUUID makes a random one.
func newUUID() string { return uuid.NewString() }

// newSID makes the id of a socket that gave none: 32 hex digits.
func newSID() string {
	id := uuid.New()
	return hex.EncodeToString(id[:])
}
