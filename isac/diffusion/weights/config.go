package weights

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
)

// Config is one parsed config.json of a diffusers folder. It answers what tensor shapes cannot tell. A nil or empty Config is one that
// says nothing, as with single-file checkpoints: every value is then the fallback.
type Config struct {
	path   string
	values map[string]any
	errs   Mistakes
}

// readConfig parses a config file. One that does not exist is empty.
func readConfig(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return &Config{path: path}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read config: %w", err)
	}
	return ParseConfig(path, text)
}

// ParseConfig parses the text of a config file; path is for error messages.
func ParseConfig(path string, text []byte) (*Config, error) {
	c := &Config{path: path}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&c.values); err != nil {
		return nil, fmt.Errorf("config %s: %w: %w", path, err, ErrConfig)
	}
	return c, nil
}

// Has says whether the config has a value for key that is not null.
func (c *Config) Has(key string) bool { return c != nil && c.values[key] != nil }

// Err gives every value so far that was of another kind than asked for, as one ErrConfig.
func (c *Config) Err() error {
	if c == nil {
		return nil
	}
	return c.errs.err()
}

func (c *Config) fail(key, want string) {
	c.errs = append(c.errs, fmt.Errorf("config %s: %q is %v, expected %s: %w", c.path, key, c.values[key], want, ErrConfig))
}

// Int gives a whole number.
func (c *Config) Int(key string, fallback int64) int64 {
	if !c.Has(key) {
		return fallback
	}
	if n, ok := whole(c.values[key]); ok {
		return n
	}
	c.fail(key, "a whole number")
	return fallback
}

// Ints gives a list of whole numbers; a single number is a list of one.
func (c *Config) Ints(key string, fallback ...int64) []int64 {
	if !c.Has(key) {
		return fallback
	}
	if n, ok := whole(c.values[key]); ok {
		return []int64{n}
	}
	list, ok := c.values[key].([]any)
	if !ok {
		c.fail(key, "a list of whole numbers")
		return fallback
	}
	ns := make([]int64, len(list))
	for i, v := range list {
		if ns[i], ok = whole(v); !ok {
			c.fail(key, "a list of whole numbers")
			return fallback
		}
	}
	return ns
}

// Float gives a number.
func (c *Config) Float(key string, fallback float64) float64 {
	if !c.Has(key) {
		return fallback
	}
	if n, ok := c.values[key].(json.Number); ok {
		if f, err := n.Float64(); err == nil {
			return f
		}
	}
	c.fail(key, "a number")
	return fallback
}

// Bool gives true or false.
func (c *Config) Bool(key string, fallback bool) bool {
	if !c.Has(key) {
		return fallback
	}
	if b, ok := c.values[key].(bool); ok {
		return b
	}
	c.fail(key, "true or false")
	return fallback
}

// String gives a text.
func (c *Config) String(key, fallback string) string {
	if !c.Has(key) {
		return fallback
	}
	if s, ok := c.values[key].(string); ok {
		return s
	}
	c.fail(key, "a text")
	return fallback
}

// Strings gives a list of texts.
func (c *Config) Strings(key string, fallback ...string) []string {
	if !c.Has(key) {
		return fallback
	}
	list, ok := c.values[key].([]any)
	texts := make([]string, len(list))
	for i := 0; ok && i < len(list); i++ {
		texts[i], ok = list[i].(string)
	}
	if !ok {
		c.fail(key, "a list of texts")
		return fallback
	}
	return texts
}

// whole reads 8 and 8.0 alike: Python writes either.
func whole(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	if i, err := n.Int64(); err == nil {
		return i, true
	}
	f, err := n.Float64()
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}
