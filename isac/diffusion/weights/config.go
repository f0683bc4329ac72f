package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// Configs are the parsed config files of a diffusers folder, as encoding/json gives them: nil where there is no such file, and for single
// files, which bring none. They answer what tensor shapes cannot tell.
type Configs struct {
	Index, UNet, VAE, Text, Tokenizer, SpecialTokens, Scheduler map[string]any
}

// readConfig parses a config file, nil for one that does not exist.
func readConfig(path string) (map[string]any, error) {
	text, err := os.ReadFile(path)
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
