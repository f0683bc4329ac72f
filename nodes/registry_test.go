package nodes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/nodes/schema"
)

func TestStandardNodes(t *testing.T) {
	r := Standard()
	want := []string{
		"CLIPLoader", "CLIPSetLastLayer", "CLIPTextEncode", "CLIPTextEncodeSDXL", "CheckpointLoaderSimple", "ConditioningCombine", "ConditioningConcat",
		"ConditioningSetArea", "ConditioningSetAreaPercentage", "ConditioningSetMask", "ControlNetApply", "ControlNetApplyAdvanced",
		"ControlNetLoader", "DualCLIPLoader", "EmptyLatentImage", "EmptySD3LatentImage", "ISACCountRetry", "ISACGuidance",
		"ISACInstances", "ISACMasks", "ISACSelect", "ImageBatch", "ImageScale", "ImageScaleBy", "ImageToMask", "ImageUpscaleWithModel", "InvertMask",
		"KSampler", "KSamplerAdvanced", "LatentFromBatch", "LatentUpscale", "LatentUpscaleBy", "LoadImage", "LoadImageMask", "LoadLatent", "LoraLoader",
		"LoraLoaderModelOnly", "MaskToImage", "ModelSamplingSD3", "PreviewImage", "RepeatLatentBatch", "SaveImage", "SaveLatent", "SetLatentNoiseMask",
		"TripleCLIPLoader", "UNETLoader", "UpscaleModelLoader", "VAEDecode", "VAEDecodeTiled", "VAEEncode", "VAEEncodeForInpaint", "VAEEncodeTiled",
		"VAELoader",
	}
	if got := r.Names(); !slices.Equal(got, want) {
		t.Errorf("nodes are %q, want %q", got, want)
	}
	for class, info := range r.Infos(nil) {
		if info.Name != class || info.DisplayName == "" || info.Category == "" || info.Description == "" || info.Module != Module {
			t.Errorf("%s: info %+v is incomplete", class, info)
		}
		for _, in := range append(slices.Clone(info.Required), info.Optional...) {
			if !slices.ContainsFunc(in.Options, func(o schema.Option) bool { return o.Name == "tooltip" }) {
				t.Errorf("%s: input %s has no tooltip", class, in.Name)
			}
		}
		if _, err := json.Marshal(info); err != nil {
			t.Errorf("%s: %v", class, err)
		}
	}
	if _, ok := r.Get("Nothing"); ok {
		t.Error("a class that does not exist was found")
	}
}

// TestComfyUISchemas compares with what ComfyUI's own /object_info says of its nodes: names, types, order, defaults, ranges.
func TestComfyUISchemas(t *testing.T) {
	tests := map[string]string{
		"KSampler": `{"input":{"required":{"model":["MODEL"],"seed":["INT",{"default":0,"min":0,"max":18446744073709551615,"control_after_generate":true}],` +
			`"steps":["INT",{"default":20,"min":1,"max":10000}],"cfg":["FLOAT",{"default":8.0,"min":0.0,"max":100.0,"step":0.1,"round":0.01}],` +
			`"sampler_name":[SAMPLERS],"scheduler":[SCHEDULERS],"positive":["CONDITIONING"],"negative":["CONDITIONING"],"latent_image":["LATENT"],` +
			`"denoise":["FLOAT",{"default":1.0,"min":0.0,"max":1.0,"step":0.01}]}},` +
			`"input_order":{"required":["model","seed","steps","cfg","sampler_name","scheduler","positive","negative","latent_image","denoise"]},` +
			`"output":["LATENT"],"output_is_list":[false],"output_name":["LATENT"],"name":"KSampler","display_name":"KSampler","category":"sampling","output_node":false}`,
		"CheckpointLoaderSimple": `{"input":{"required":{"ckpt_name":[[]]}},"input_order":{"required":["ckpt_name"]},` +
			`"output":["MODEL","CLIP","VAE"],"output_is_list":[false,false,false],"output_name":["MODEL","CLIP","VAE"],` +
			`"name":"CheckpointLoaderSimple","display_name":"Load Checkpoint","category":"loaders","output_node":false}`,
		"CLIPTextEncode": `{"input":{"required":{"text":["STRING",{"multiline":true,"dynamicPrompts":true}],"clip":["CLIP"]}},"input_order":{"required":["text","clip"]},` +
			`"output":["CONDITIONING"],"output_is_list":[false],"output_name":["CONDITIONING"],"name":"CLIPTextEncode","display_name":"CLIP Text Encode (Prompt)","category":"conditioning","output_node":false}`,
		"EmptyLatentImage": `{"input":{"required":{"width":["INT",{"default":512,"min":16,"max":16384,"step":8}],"height":["INT",{"default":512,"min":16,"max":16384,"step":8}],` +
			`"batch_size":["INT",{"default":1,"min":1,"max":4096}]}},"input_order":{"required":["width","height","batch_size"]},` +
			`"output":["LATENT"],"output_is_list":[false],"output_name":["LATENT"],"name":"EmptyLatentImage","display_name":"Empty Latent Image","category":"latent","output_node":false}`,
		"EmptySD3LatentImage": `{"input":{"required":{"width":["INT",{"default":1024,"min":16,"max":16384,"step":16}],"height":["INT",{"default":1024,"min":16,"max":16384,"step":16}],` +
			`"batch_size":["INT",{"default":1,"min":1,"max":4096}]}},"input_order":{"required":["width","height","batch_size"]},` +
			`"output":["LATENT"],"output_is_list":[false],"output_name":["LATENT"],"name":"EmptySD3LatentImage","display_name":"EmptySD3LatentImage","category":"latent/sd3","output_node":false}`,
		"ModelSamplingSD3": `{"input":{"required":{"model":["MODEL"],"shift":["FLOAT",{"default":3.0,"min":0.0,"max":100.0,"step":0.01}]}},"input_order":{"required":["model","shift"]},` +
			`"output":["MODEL"],"output_is_list":[false],"output_name":["MODEL"],"name":"ModelSamplingSD3","display_name":"ModelSamplingSD3","category":"advanced/model","output_node":false}`,
		"CLIPTextEncodeSDXL": `{"input":{"required":{"clip":["CLIP"],"width":["INT",{"default":1024,"min":0,"max":16384}],"height":["INT",{"default":1024,"min":0,"max":16384}],` +
			`"crop_w":["INT",{"default":0,"min":0,"max":16384}],"crop_h":["INT",{"default":0,"min":0,"max":16384}],` +
			`"target_width":["INT",{"default":1024,"min":0,"max":16384}],"target_height":["INT",{"default":1024,"min":0,"max":16384}],` +
			`"text_g":["STRING",{"multiline":true,"dynamicPrompts":true}],"text_l":["STRING",{"multiline":true,"dynamicPrompts":true}]}},` +
			`"input_order":{"required":["clip","width","height","crop_w","crop_h","target_width","target_height","text_g","text_l"]},` +
			`"output":["CONDITIONING"],"output_is_list":[false],"output_name":["CONDITIONING"],"name":"CLIPTextEncodeSDXL","display_name":"CLIPTextEncodeSDXL","category":"advanced/conditioning","output_node":false}`,
		"LoraLoader": `{"input":{"required":{"model":["MODEL"],"clip":["CLIP"],"lora_name":[[]],` +
			`"strength_model":["FLOAT",{"default":1.0,"min":-100.0,"max":100.0,"step":0.01}],"strength_clip":["FLOAT",{"default":1.0,"min":-100.0,"max":100.0,"step":0.01}]}},` +
			`"input_order":{"required":["model","clip","lora_name","strength_model","strength_clip"]},` +
			`"output":["MODEL","CLIP"],"output_is_list":[false,false],"output_name":["MODEL","CLIP"],"name":"LoraLoader","display_name":"Load LoRA","category":"loaders","output_node":false}`,
		"LoraLoaderModelOnly": `{"input":{"required":{"model":["MODEL"],"lora_name":[[]],"strength_model":["FLOAT",{"default":1.0,"min":-100.0,"max":100.0,"step":0.01}]}},` +
			`"input_order":{"required":["model","lora_name","strength_model"]},` +
			`"output":["MODEL"],"output_is_list":[false],"output_name":["MODEL"],"name":"LoraLoaderModelOnly","display_name":"LoraLoaderModelOnly","category":"loaders","output_node":false}`,
		"VAEDecode": `{"input":{"required":{"samples":["LATENT"],"vae":["VAE"]}},"input_order":{"required":["samples","vae"]},` +
			`"output":["IMAGE"],"output_is_list":[false],"output_name":["IMAGE"],"name":"VAEDecode","display_name":"VAE Decode","category":"latent","output_node":false}`,
		"UNETLoader": `{"input":{"required":{"unet_name":[[]],"weight_dtype":[["default","fp8_e4m3fn","fp8_e4m3fn_fast","fp8_e5m2"]]}},` +
			`"input_order":{"required":["unet_name","weight_dtype"]},` +
			`"output":["MODEL"],"output_is_list":[false],"output_name":["MODEL"],"name":"UNETLoader","display_name":"Load Diffusion Model","category":"advanced/loaders","output_node":false}`,
		"SaveImage": `{"input":{"required":{"images":["IMAGE"],"filename_prefix":["STRING",{"default":"ComfyUI"}]},"hidden":{"prompt":"PROMPT","extra_pnginfo":"EXTRA_PNGINFO"}},` +
			`"input_order":{"required":["images","filename_prefix"],"hidden":["prompt","extra_pnginfo"]},` +
			`"output":[],"output_is_list":[],"output_name":[],"name":"SaveImage","display_name":"Save Image","category":"image","output_node":true}`,
		"PreviewImage": `{"input":{"required":{"images":["IMAGE"]},"hidden":{"prompt":"PROMPT","extra_pnginfo":"EXTRA_PNGINFO"}},` +
			`"input_order":{"required":["images"],"hidden":["prompt","extra_pnginfo"]},` +
			`"output":[],"output_is_list":[],"output_name":[],"name":"PreviewImage","display_name":"Preview Image","category":"image","output_node":true}`,
	}
	lists := strings.NewReplacer("SAMPLERS", list(sampling.Names()), "SCHEDULERS", list(sampling.ScheduleNames()))
	for class, want := range tests {
		t.Run(class, func(t *testing.T) {
			node, _ := Standard().Get(class)
			raw, err := json.Marshal(node.Info(nil))
			if err != nil {
				t.Fatal(err)
			}
			got, expected := decoded(t, string(raw)), decoded(t, lists.Replace(want))
			// Words are ours; the rest is ComfyUI's.
			for _, key := range []string{"description", "python_module", "output_tooltips", "limits"} {
				delete(got, key)
			}
			if !reflect.DeepEqual(withoutTooltips(got), expected) {
				t.Errorf("entry is\n%s\nwant\n%s", raw, lists.Replace(want))
			}
			// DeepEqual forgets the order of an object's members, which older editors go by.
			at := -1
			for _, name := range got["input_order"].(map[string]any)["required"].([]any) {
				next := strings.Index(string(raw), `"`+name.(string)+`":[`)
				if next < at {
					t.Errorf("input %v is out of order in %s", name, raw)
				}
				at = next
			}
		})
	}
}

func list(names []string) string {
	raw, _ := json.Marshal(names)
	return string(raw)
}

func decoded(t *testing.T, doc string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(doc))
	d.UseNumber() // 8.0 is not 8 to an editor that counts decimals
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	return v
}

// TestStepLimit: what KSampler has hosts refuse is what its schedules refuse, for every kind of noise.
func TestStepLimit(t *testing.T) {
	sampler, _ := Standard().Get("KSampler")
	limits := sampler.Info(nil).Limits
	if len(limits) != 1 || limits[0].Input != "steps" || limits[0].Share != "denoise" {
		t.Fatalf("limits are %+v", limits)
	}
	most := limits[0].Max
	discrete, err := sampling.NewDiscrete(sampling.StableDiffusion1(), sampling.Epsilon)
	if err != nil {
		t.Fatal(err)
	}
	flow, err := sampling.NewFlow(3)
	if err != nil {
		t.Fatal(err)
	}
	for name, noise := range map[string]sampling.Noise{"discrete": discrete, "flow": flow} {
		for _, row := range []struct {
			steps   int
			denoise float64
			fits    bool
		}{{most, 1, true}, {most + 1, 1, false}, {most / 4, 0.25, true}, {most/4 + 1, 0.25, false}, {most, 0.99999, true}} {
			if _, err := sampling.PartialSchedule("simple", noise, row.steps, row.denoise); (err == nil) != row.fits {
				t.Errorf("%s: %d steps at denoise %g: %v", name, row.steps, row.denoise, err)
			}
		}
	}
}

// withoutTooltips drops tooltips, and options that then are empty.
func withoutTooltips(entry map[string]any) map[string]any {
	for _, group := range entry["input"].(map[string]any) {
		for name, in := range group.(map[string]any) {
			pair, ok := in.([]any)
			if !ok || len(pair) < 2 {
				continue
			}
			options := pair[1].(map[string]any)
			delete(options, "tooltip")
			if len(options) == 0 {
				group.(map[string]any)[name] = pair[:1]
			}
		}
	}
	return entry
}

// TestGuidanceDefaultsLeavePresets holds that the defaults of ISACGuidance's inputs leave every preset of every method as it is.
func TestGuidanceDefaultsLeavePresets(t *testing.T) {
	s := schema.Of[guidanceInput](guidanceInputs(methodInput())...)
	for _, entry := range methods.Guiding() {
		for _, preset := range entry.Presets {
			var in guidanceInput
			inputs := map[string]any{"model": &Model{}, "preset": "default"}
			required, _ := s.Inputs(nil)
			for _, r := range required {
				for _, o := range r.Options {
					if _, set := inputs[r.Name]; o.Name == "default" && !set {
						inputs[r.Name] = jsonValue(t, o.Value)
					}
				}
			}
			if err := s.Decode(inputs, schema.Lists{"presets": presetNames()}, &in); err != nil {
				t.Fatal(err)
			}
			delete(in.Options, "method")
			if got, _, err := guidanceOptions.chosen(entry.Name, preset.Name, in.Options); err != nil || got != preset.Method {
				t.Errorf("%s, preset %s with the defaults of its inputs is %+v (error %v), want %+v", entry.Name, preset.Name, got, err, preset.Method)
			}
		}
	}
}

// TestEveryOptionOfGuidance sets each option of each method by its input to another value than its preset has, and looks whether it
// arrives: that option, and no other.
func TestEveryOptionOfGuidance(t *testing.T) {
	for _, entry := range methods.All() {
		preset := entry.Presets[0].Method
		all := guidanceOptions
		if entry.Chooses() {
			all = selectOptions
		}
		for _, s := range guidance.Settings(preset) {
			if slices.Contains([]string{"candidates", "halving", "keep"}, s.Name) { // inputs of the node's own: see TestSelectInputsArrive
				continue
			}
			var value any
			text := ""
			switch v := s.Value.(type) {
			case bool:
				if value, text = !v, strconv.FormatBool(!v); all[inputName(s.Name)].preset {
					value = map[bool]string{true: "on", false: "off"}[!v]
				}
			case float64:
				value = 0.25
				if s.Name == "end" {
					value = 0.75
				}
			case int:
				value = int64(v + 3)
			case uint64:
				value = v + 5
			default:
				if s.Choices == nil { // at
					value = "0 0.25"
					break
				}
				value = s.Choices[0]
				if fmt.Sprint(v) == s.Choices[0] {
					value = s.Choices[1]
				}
			}
			if text == "" {
				text = fmt.Sprint(value)
			}
			want, err := guidance.With(preset, map[string]string{s.Name: text})
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := all.chosen(entry.Name, entry.Presets[0].Name, map[string]any{inputName(s.Name): value})
			if err != nil || got != want || got == preset {
				t.Errorf("%s: %s = %v gives %+v, %v", entry.Name, s.Name, value, got, err)
			}
		}
	}
}

func jsonValue(t *testing.T, raw json.RawMessage) any {
	t.Helper()
	return decoded(t, `{"v":`+string(raw)+`}`)["v"]
}

func TestDuplicateClassesPanic(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a registry took two nodes of one class")
		}
	}()
	NewRegistry(saveImage(), saveImage())
}

func TestWrongInputsAreAllNamed(t *testing.T) {
	node, _ := Standard().Get("EmptyLatentImage")
	_, err := node.Run(context.Background(), nil, map[string]any{"width": 8, "height": json.Number("99999")})
	var mistakes schema.Mistakes
	if !errors.As(err, &mistakes) || len(mistakes) != 3 {
		t.Fatalf("error %v: want three mistakes", err)
	}
	for _, input := range []string{"width", "height", "batch_size"} {
		if !strings.Contains(err.Error(), input) {
			t.Errorf("error %v does not name %s", err, input)
		}
	}
}
