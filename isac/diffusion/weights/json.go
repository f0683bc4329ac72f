package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// ReadJSON parses a model's config file, as encoding/json gives it; nil for one that does not exist. See ReadText for what is refused.
func ReadJSON(path string) (map[string]any, error) {
	text, err := ReadText(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read config: %w", err)
	}
	var values map[string]any
	if err := json.Unmarshal(text, &values); err != nil {
		return nil, fmt.Errorf("read config %s: %w: %w", path, err, ErrConfig)
	}
	return values, nil
}
