package render

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// fixed writes a number with so many decimals, a minus as tables have it, and never "-0". Halves go away from zero, as readers
// round 62.5, also where the number in the machine lies a hair below.
func fixed(v float64, decimals int) string {
	scale := math.Pow10(decimals)
	v = math.Round(v*scale+math.Copysign(1e-9, v)) / scale
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.HasPrefix(s, "-") {
		if strings.Trim(s, "-0.") == "" {
			return s[1:]
		}
		return "−" + s[1:]
	}
	return s
}

// signed writes a number with its sign; what rounds to 0 has none.
func signed(v float64, decimals int) string {
	s := fixed(v, decimals)
	if v > 0 && strings.Trim(s, "0.") != "" {
		return "+" + s
	}
	return s
}

// percent writes a share in percent: "36", or "36 (33–39)" with its interval.
func percent(c score.Cell, decimals int, interval bool) string {
	write := func(v float64) string { return fixed(100*v, decimals) }
	if !interval {
		return write(c.Mean)
	}
	return withInterval(c, write)
}

// number writes a score that is no share: "2.31 (2.20–2.42)".
func number(c score.Cell) string {
	return withInterval(c, func(v float64) string { return fixed(v, 2) })
}

func withInterval(c score.Cell, write func(float64) string) string {
	if c.N == 0 {
		return "–"
	}
	if !c.HasInterval {
		return write(c.Mean)
	}
	return fmt.Sprintf("%s (%s–%s)", write(c.Mean), write(c.Low), write(c.High))
}

// difference writes a paired difference: "+7.8 (+5.1 to +10.4)", bold where the interval excludes 0.
func difference(c score.Cell, m score.Metric) string {
	if m.IsShare() {
		return signedCell(c, 100, 1)
	}
	return signedCell(c, 1, 2)
}

// signedCell writes a number that may be on either side of 0, times scale, bold where its interval excludes 0.
func signedCell(c score.Cell, scale float64, decimals int) string {
	if c.N == 0 {
		return "–"
	}
	write := func(v float64) string { return signed(scale*v, decimals) }
	if !c.HasInterval {
		return write(c.Mean)
	}
	s := fmt.Sprintf("%s (%s to %s)", write(c.Mean), write(c.Low), write(c.High))
	if c.Clear() {
		return "**" + s + "**"
	}
	return s
}

// seconds writes a time with about two or three digits that count: "0.88", "2.7", "30".
func seconds(v float64) string {
	switch {
	case v < 0.95:
		return fixed(v, 2)
	case v < 9.95:
		return fixed(v, 1)
	}
	return fixed(v, 0)
}

// evaluations writes a mean number of them: whole where it is.
func evaluations(v float64) string { return strings.TrimSuffix(fixed(v, 1), ".0") }

// memory writes bytes in decimal units, 1 GB = 10⁹ bytes; nothing measured is a dash.
func memory(bytes int64) string {
	switch v := float64(bytes); {
	case bytes <= 0:
		return "–"
	case v < 999.5e6:
		return fixed(v/1e6, 0) + " MB"
	case v < 99.95e9:
		return fixed(v/1e9, 1) + " GB"
	default:
		return fixed(v/1e9, 0) + " GB"
	}
}

// ratio writes a factor; the base's own is 1 without an interval.
func ratio(c score.Cell, base bool) string {
	if base {
		return "1"
	}
	if c.Mean <= 0 {
		return "–"
	}
	return withInterval(c, func(v float64) string { return fixed(v, 2) })
}

func times(v float64, base bool) string {
	if base {
		return "1"
	}
	if v <= 0 {
		return "–"
	}
	return fixed(v, 2)
}

// plain keeps Markdown from reading a text's signs as its own.
func plain(s string) string {
	return strings.NewReplacer("|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "<", `\<`, "\n", " ").Replace(s)
}
