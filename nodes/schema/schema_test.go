package schema

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

type lamp struct{ Lit bool }

func (*lamp) ComfyType() string { return "LAMP" }

type everything struct {
	Lamp   *lamp   `mapstructure:"lamp" tooltip:"a link"`
	Seed   uint64  `mapstructure:"seed" default:"0" min:"0" max:"18446744073709551615" control_after_generate:"true"`
	Steps  int     `mapstructure:"steps" default:"20" min:"1" max:"10000"`
	Offset int64   `mapstructure:"offset"`
	CFG    float64 `mapstructure:"cfg" default:"8.0" min:"0.0" max:"100.0" step:"0.1" round:"0.01"`
	Text   string  `mapstructure:"text" multiline:"true"`
	Mode   string  `mapstructure:"mode" combo:"soft,hard"`
	File   string  `mapstructure:"file" combo:"@files"`
	On     bool    `mapstructure:"on" default:"true"`

	Note  string  `mapstructure:"note" optional:"true" default:"none"`
	Extra *lamp   `mapstructure:"extra" optional:"true"`
	Ratio float64 `mapstructure:"ratio" optional:"true" default:"0.5"`
	Off   bool    `mapstructure:"off" optional:"true" default:"false"`
}

var files = Lists{"files": {"a.bin", "b.bin"}}

// request gives a valid request with some of its inputs replaced; a nil func value removes one.
func request(change map[string]any) map[string]any {
	in := map[string]any{
		"lamp": &lamp{}, "seed": json.Number("1"), "steps": json.Number("4"), "offset": json.Number("-3"),
		"cfg": json.Number("7.5"), "text": "hello", "mode": "hard", "file": "b.bin", "on": true,
	}
	for k, v := range change {
		if v == absent {
			delete(in, k)
			continue
		}
		in[k] = v
	}
	return in
}

var absent any = struct{ absent bool }{true}

func TestDecode(t *testing.T) {
	s := Of[everything]()
	given := &lamp{}
	var got everything
	err := s.Decode(request(map[string]any{"lamp": given, "unknown": 1, "extra": nil}), files, &got)
	if err != nil {
		t.Fatal(err)
	}
	if got.Lamp != given {
		t.Error("the link's value was copied: expected the very pointer")
	}
	want := everything{given, 1, 4, -3, 7.5, "hello", "hard", "b.bin", true, "none", nil, 0.5, false}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("decoded %+v, want %+v", got, want)
	}
}

func TestConversions(t *testing.T) {
	tests := []struct {
		input string
		given any
		want  any // the field's value, or the kind of mistake
	}{
		{"seed", json.Number("18446744073709551615"), uint64(18446744073709551615)},
		{"seed", json.Number("9007199254740993"), uint64(9007199254740993)}, // 2^53+1: not a float64
		{"seed", "12", uint64(12)},
		{"seed", " 12 ", uint64(12)},
		{"seed", "1_000", uint64(1000)},
		{"seed", json.Number("18446744073709551616"), TooBig},
		{"seed", json.Number("-1"), TooSmall},
		{"seed", uint64(1 << 63), uint64(1 << 63)},
		{"steps", json.Number("4.9"), 4},
		{"steps", json.Number("1e3"), 1000},
		{"steps", 7.0, 7},
		{"steps", true, 1},
		{"steps", false, TooSmall},
		{"steps", json.Number("10001"), TooBig},
		{"steps", json.Number("1e400"), WrongType},
		{"steps", "4.9", WrongType},
		{"steps", "four", WrongType},
		{"steps", nil, WrongType},
		{"steps", []any{"4", json.Number("0")}, WrongType},
		{"steps", map[string]any{"__value__": json.Number("9")}, 9},
		{"steps", strings.Repeat("9", 5000), WrongType},
		{"offset", json.Number("-4.9"), int64(-4)},
		{"offset", json.Number("9223372036854775808"), TooBig},
		{"offset", json.Number("-9223372036854775809"), TooSmall},
		{"cfg", json.Number("3"), 3.0},
		{"cfg", "2.5e1", 25.0},
		{"cfg", true, 1.0},
		{"cfg", 4, 4.0},
		{"cfg", "1_0.2_5", 10.25},
		{"cfg", "1__0", WrongType},
		{"cfg", "nan", WrongType},
		{"cfg", "inf", WrongType},
		{"cfg", "0x1p3", WrongType},
		{"cfg", json.Number("100.01"), TooBig},
		{"cfg", json.Number("-0.01"), TooSmall},
		{"cfg", nil, WrongType},
		{"text", json.Number("1.50"), "1.5"},
		{"text", json.Number("1e3"), "1000.0"},
		{"text", true, "True"},
		{"text", 3, "3"},
		{"text", nil, WrongType},
		{"text", []any{"a"}, WrongType},
		{"text", "", ""},
		{"mode", "soft", "soft"},
		{"mode", "SOFT", NotInList},
		{"mode", json.Number("1"), NotInList},
		{"file", "../a.bin", NotInList},
		{"on", "false", true}, // as in Python: the text is not empty
		{"on", "", false},
		{"on", json.Number("0"), false},
		{"on", json.Number("0.5"), true},
		{"on", nil, false},
		{"on", []any{}, false},
		{"on", &lamp{}, WrongType},
		{"lamp", "a lamp", WrongLink},
		{"lamp", nil, WrongLink},
		{"lamp", (*lamp)(nil), WrongLink},
		{"lamp", &everything{}, WrongLink},
		{"lamp", absent, Missing},
		{"steps", absent, Missing}, // a default is what an editor starts with, not what a request may leave out
		{"note", absent, "none"},
		{"note", json.Number("5"), "5"},
		{"ratio", "x", WrongType},
		{"extra", "x", WrongLink},
		{"off", absent, false},
		{"off", nil, false},
		{"off", "false", true},
	}
	s := Of[everything]()
	for _, tt := range tests {
		t.Run(tt.input+"/"+show(tt.given), func(t *testing.T) {
			var got everything
			err := s.Decode(request(map[string]any{tt.input: tt.given}), files, &got)
			var mistakes Mistakes
			if errors.As(err, &mistakes) {
				if len(mistakes) != 1 || mistakes[0].Input != tt.input || mistakes[0].Kind != tt.want {
					t.Fatalf("mistakes %+v, want one of input %s: %v", mistakes, tt.input, tt.want)
				}
				if mistakes[0].Expected == "" || (mistakes[0].Given == "" && mistakes[0].Kind != Missing) {
					t.Errorf("mistake %+v does not say what was given and what was expected", mistakes[0])
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			v := reflect.ValueOf(got)
			for i := range v.NumField() {
				if v.Type().Field(i).Tag.Get("mapstructure") == tt.input && v.Field(i).Interface() != tt.want {
					t.Errorf("decoded %v (%T), want %v (%T)", v.Field(i), v.Field(i).Interface(), tt.want, tt.want)
				}
			}
		})
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	var got everything
	err := Of[everything]().Decode(request(map[string]any{
		"lamp": absent, "seed": "x", "steps": json.Number("0"), "cfg": json.Number("200"), "mode": "none",
	}), files, &got)
	var mistakes Mistakes
	if !errors.As(err, &mistakes) {
		t.Fatalf("error %v is no list of mistakes", err)
	}
	want := Mistakes{
		{Missing, "lamp", "", "a link to an output of type LAMP"},
		{WrongType, "seed", `"x"`, "a whole number from 0 to 18446744073709551615"},
		{TooSmall, "steps", "0", "a whole number from 1 to 10000"},
		{TooBig, "cfg", "200", "a number from 0.0 to 100.0"},
		{NotInList, "mode", `"none"`, `one of "soft", "hard"`},
	}
	if !reflect.DeepEqual(mistakes, want) {
		t.Errorf("mistakes\n%+v\nwant\n%+v", mistakes, want)
	}
	if got != (everything{}) {
		t.Errorf("a refused request left %+v", got)
	}
}

func TestDecodeChecksItsTarget(t *testing.T) {
	if err := Of[everything]().Decode(nil, nil, &lamp{}); err == nil {
		t.Error("decoding into another struct succeeded")
	}
}

func TestInfoJSON(t *testing.T) {
	s := Of[everything]()
	info := Info{
		Name: "Everything", DisplayName: "All of it", Description: "a test", Category: "tests/all", Module: "isac", OutputNode: true,
		Outputs: []Output{{Type: "LAMP", Name: "light", Tooltip: "bright"}, {Type: "INT", Name: "INT"}},
		Hidden:  []Hidden{{"prompt", "PROMPT"}},
	}
	info.Required, info.Optional = s.Inputs(files)
	got, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"input":{"required":{"lamp":["LAMP",{"tooltip":"a link"}],` +
		`"seed":["INT",{"default":0,"min":0,"max":18446744073709551615,"control_after_generate":true}],` +
		`"steps":["INT",{"default":20,"min":1,"max":10000}],"offset":["INT"],` +
		`"cfg":["FLOAT",{"default":8.0,"min":0.0,"max":100.0,"step":0.1,"round":0.01}],` +
		`"text":["STRING",{"multiline":true}],"mode":[["soft","hard"]],"file":[["a.bin","b.bin"]],` +
		`"on":["BOOLEAN",{"default":true}]},` +
		`"optional":{"note":["STRING",{"default":"none"}],"extra":["LAMP"],"ratio":["FLOAT",{"default":0.5}],"off":["BOOLEAN",{"default":false}]},` +
		`"hidden":{"prompt":"PROMPT"}},` +
		`"input_order":{"required":["lamp","seed","steps","offset","cfg","text","mode","file","on"],` +
		`"optional":["note","extra","ratio","off"],"hidden":["prompt"]},` +
		`"output":["LAMP","INT"],"output_is_list":[false,false],"output_name":["light","INT"],` +
		`"name":"Everything","display_name":"All of it","description":"a test","python_module":"isac",` +
		`"category":"tests/all","output_node":true,"output_tooltips":["bright",""]}`
	if string(got) != want {
		t.Errorf("info is\n%s\nwant\n%s", got, want)
	}
}

func TestInfoOfEmptyCombo(t *testing.T) {
	required, _ := Of[struct {
		File string `mapstructure:"file" combo:"@files"`
	}]().Inputs(nil)
	got, err := json.Marshal(Info{Required: required})
	if err != nil || !strings.Contains(string(got), `"file":[[]]`) {
		t.Errorf("info %s, error %v: want an empty list of choices, not null", got, err)
	}
}

func TestProgrammingMistakesPanic(t *testing.T) {
	tests := map[string]func(){
		"no struct": func() { Of[int]() },
		"no name":   func() { Of[struct{ A int }]() },
		"name twice": func() {
			Of[struct {
				A, B int `mapstructure:"a"`
			}]()
		},
		"bad type": func() {
			Of[struct {
				A []int `mapstructure:"a"`
			}]()
		},
		"bad default": func() {
			Of[struct {
				A int `mapstructure:"a" default:"1.5"`
			}]()
		},
		"bad bound": func() {
			Of[struct {
				A float64 `mapstructure:"a" max:"many"`
			}]()
		},
		"bad truth": func() {
			Of[struct {
				A string `mapstructure:"a" multiline:"perhaps"`
			}]()
		},
		"bound of link": func() {
			Of[struct {
				A *lamp `mapstructure:"a" min:"1"`
			}]()
		},
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("did not panic")
				}
			}()
			f()
		})
	}
}

func TestLongValuesAreShortened(t *testing.T) {
	text := show(strings.Repeat("ä", 500))
	if len(text) > 100 || !strings.HasSuffix(text, "…") || strings.ContainsRune(text, '\uFFFD') {
		t.Errorf("shown as %q: want at most some 80 bytes, cut between characters", text)
	}
}
