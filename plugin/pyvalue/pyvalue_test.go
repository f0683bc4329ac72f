package pyvalue

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"strings"
	"testing"
)

// golden is what testdata/make_python.py writes: the answers of a real Python.
type golden struct {
	Python string
	Values []struct {
		JSON, Type, Repr string
		Bool             bool
		Int, Float       said
	}
	Pairs []struct {
		A, B    string
		Equal   bool
		Compare *int // of two numbers
	}
}

// said is a repr of what Python returned, or what it raised.
type said struct{ Value, Error string }

func (s said) String() string {
	if s.Error != "" {
		return "the error " + s.Error
	}
	return s.Value
}

func saidOf[T any](value T, err error, show func(T) string) said {
	if err != nil {
		return said{Error: err.Error()}
	}
	return said{Value: show(value)}
}

func readGolden(t *testing.T) (g golden) {
	t.Helper()
	text, err := os.ReadFile("testdata/python.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Values) == 0 || len(g.Pairs) == 0 {
		t.Fatal("testdata/python.json is empty: run make_python.py")
	}
	return g
}

func decoded(t *testing.T, text string) (v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestValuesAsPython(t *testing.T) {
	for _, want := range readGolden(t).Values {
		v := decoded(t, want.JSON)
		check := func(what string, got, expected any) {
			if got != expected {
				t.Errorf("%s of %.60s is %.240v, in Python %.240v", what, want.JSON, got, expected)
			}
		}
		check("the type", TypeName(v), want.Type)
		if want.Type == "dict" && strings.Contains(want.JSON, ",") {
			want.Repr = "{'a': \"it's\", 'b': True}" // sorted, see Repr
		}
		check("repr", Repr(v), want.Repr)
		if text, ok := v.(string); ok {
			check("str", Str(v), text)
		} else {
			check("str", Str(v), want.Repr) // the script has seen to it
		}
		check("bool", Bool(v), want.Bool)
		n, err := Int(v)
		check("int", saidOf(n, err, (*big.Int).String), want.Int)
		f, err := Float(v)
		check("float", saidOf(f, err, FormatFloat), want.Float)
	}
}

func TestPairsAsPython(t *testing.T) {
	for _, want := range readGolden(t).Pairs {
		a, b := decoded(t, want.A), decoded(t, want.B)
		if got := Equal(a, b); got != want.Equal {
			t.Errorf("%.40s == %.40s is %v", want.A, want.B, got)
		}
		if got := Equal(b, a); got != want.Equal {
			t.Errorf("%.40s == %.40s is %v", want.B, want.A, got)
		}
		if want.Compare == nil {
			continue
		}
		x, ok := Number(a)
		y, also := Number(b)
		if !ok || !also {
			t.Errorf("%.40s and %.40s are numbers to Python", want.A, want.B)
		} else if got := Compare(x, y); got != *want.Compare {
			t.Errorf("%.40s against %.40s is %d, in Python %d", want.A, want.B, got, *want.Compare)
		}
	}
}

// Values that did not come from JSON stand for the same things.
func TestGoValues(t *testing.T) {
	type name string
	type on bool
	for _, c := range []struct {
		given any
		like  string
	}{
		{7, "7"}, {int8(-7), "-7"}, {uint64(math.MaxUint64), "18446744073709551615"}, {1.5, "1.5"}, {float32(0.5), "0.5"}, {2.0, "2.0"}, {1e300, "1e300"},
		{name("12"), `"12"`}, {on(true), "true"}, {[]string{"a"}, `["a"]`}, {[2]int{1, 2}, "[1, 2]"}, {map[string]int{"a": 1}, `{"a": 1}`}, {[]int{}, "[]"},
	} {
		like := decoded(t, c.like)
		for what, of := range map[string]func(any) string{
			"type": TypeName, "repr": Repr, "str": Str,
			"bool":  func(v any) string { return fmt.Sprint(Bool(v)) },
			"int":   func(v any) string { n, err := Int(v); return fmt.Sprint(n, err) },
			"float": func(v any) string { f, err := Float(v); return fmt.Sprint(f, err) },
		} {
			if got, want := of(c.given), of(like); got != want {
				t.Errorf("%s of %#v is %s, want %s", what, c.given, got, want)
			}
		}
		if !Equal(c.given, like) || !Equal(like, c.given) {
			t.Errorf("%#v is not equal to %s", c.given, c.like)
		}
	}
	for _, f := range []float64{math.Inf(1), math.Inf(-1)} {
		if _, err := Int(f); err == nil || err.Error() != "cannot convert float infinity to integer" {
			t.Errorf("int of %v: %v", f, err)
		}
		if !Equal(f, f) || Equal(f, -f) || Equal(f, 1) {
			t.Errorf("%v is not equal to itself alone", f)
		}
	}
	if _, err := Int(math.NaN()); err == nil || err.Error() != "cannot convert float NaN to integer" {
		t.Errorf("int of NaN: %v", err)
	}
	if Equal(math.NaN(), math.NaN()) || Repr(math.NaN()) != "nan" || !Bool(math.NaN()) {
		t.Error("NaN is not equal to itself, is written nan, and is true")
	}
	object := &struct{}{}
	if _, err := Float(object); TypeName(object) != "object" || !Bool(object) || Equal(object, object) || err == nil {
		t.Errorf("an object is a %s, float says %v", TypeName(object), err)
	}
}
