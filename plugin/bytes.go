package plugin

import (
	"fmt"
	"strconv"
	"strings"
)

// Bytes is a number of bytes as people write it: "8GiB", "512M", "1.5 G", "1000000". Without "i" or with, the letters are powers of 1024.
type Bytes int64

// String is the number as UnmarshalText reads it.
func (b Bytes) String() string { return strconv.FormatInt(int64(b), 10) }

// UnmarshalText reads a number with a unit. It has to be above 0.
func (b *Bytes) UnmarshalText(text []byte) error {
	number := strings.ToUpper(strings.TrimSpace(string(text)))
	number = strings.TrimSuffix(strings.TrimSuffix(number, "B"), "I")
	factor := 1.0
	for i, unit := range []string{"K", "M", "G", "T"} {
		if rest, ok := strings.CutSuffix(number, unit); ok {
			number, factor = rest, float64(int64(1)<<(10*(i+1)))
		}
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if n *= factor; err != nil || !(n >= 1 && n < 1<<62) {
		return fmt.Errorf("%q: expected a size such as 8GiB, 512MiB or 4000000000", text)
	}
	*b = Bytes(n)
	return nil
}
