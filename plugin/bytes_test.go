package plugin

import "testing"

func TestBytes(t *testing.T) {
	for text, want := range map[string]Bytes{
		"8GiB": 8 << 30, "8g": 8 << 30, "512M": 512 << 20, "1.5 GB": 3 << 29, "1000": 1000, "2TiB": 2 << 40, " 64 KiB ": 64 << 10,
		"": 0, "-1": 0, "0": 0, "much": 0, "8X": 0, "NaN": 0, "Inf": 0, "1e99": 0, "GiB": 0,
	} {
		var got Bytes
		err := got.UnmarshalText([]byte(text))
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
		var again Bytes
		if err == nil && (again.UnmarshalText([]byte(got.String())) != nil || again != got) {
			t.Errorf("%q became %s and %d", text, got, again)
		}
	}
}
