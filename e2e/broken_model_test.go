//go:build linux

package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestBrokenModels: a model that is broken in any way is refused before anything is sampled, with the file and the reason.
func TestBrokenModels(t *testing.T) {
	const query = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight"
	tests := []struct {
		name string
		// damage breaks the model.
		damage func(*model)
		status int
		says   []string
	}{
		{"file cut in its data", func(m *model) { m.change(unetFile, func(b []byte) []byte { return b[:len(b)/2] }) }, 1, []string{"unet"}},
		{"file cut in its header", func(m *model) { m.change(unetFile, func(b []byte) []byte { return b[:100] }) }, 1, []string{"unet"}},
		{"empty file", func(m *model) { m.change(vaeFile, func([]byte) []byte { return nil }) }, 1, []string{"vae"}},
		{"noise", func(m *model) { m.change(unetFile, func(b []byte) []byte { return random(len(b)) }) }, 1, []string{"unet"}},
		{"header of impossible size", func(m *model) {
			m.change(textFile, func(b []byte) []byte { return append([]byte("\xff\xff\xff\xff\xff\xff\xff\x7f"), b[8:]...) })
		}, 1, []string{"text_encoder"}},
		{"header is no JSON", func(m *model) {
			m.change(textFile, func(b []byte) []byte { c := append([]byte{}, b...); copy(c[8:], "[[[[[[[["); return c })
		}, 1, []string{"text_encoder"}},
		{"tensor beyond the file", func(m *model) {
			m.edit(unetFile, func(f *tensors) { f.tensor(m.t, query).Offsets[1] += 1 << 40 })
		}, 1, []string{"unet", query}},
		{"negative offsets", func(m *model) {
			m.edit(unetFile, func(f *tensors) { f.tensor(m.t, query).Offsets = [2]int64{-8, -4} })
		}, 1, []string{"unet", query}},
		{"unknown element type", func(m *model) {
			m.edit(unetFile, func(f *tensors) { f.tensor(m.t, query).DType = "F7" })
		}, 1, []string{"unet", query, "F7"}},
		{"missing tensors", func(m *model) {
			m.edit(unetFile, func(f *tensors) { f.drop(m.t, query); f.drop(m.t, "conv_out.bias") })
		}, 1, []string{query, "conv_out.bias"}},
		{"missing tensor of the text encoder", func(m *model) {
			m.edit(textFile, func(f *tensors) { f.drop(m.t, "text_model.encoder.layers.0.self_attn.q_proj.bias") })
		}, 1, []string{"layers.0.self_attn.q_proj.bias"}},
		{"missing tensor of the decoder", func(m *model) {
			m.edit(vaeFile, func(f *tensors) { f.drop(m.t, "decoder.conv_out.weight") })
		}, 1, []string{"decoder.conv_out.weight"}},
		{"wrong shape", func(m *model) {
			m.edit(unetFile, func(f *tensors) { s := f.tensor(m.t, query).Shape; s[0], s[1] = s[0]*2, s[1]/2 })
		}, 1, []string{query}},
		{"shape that does not fit its data", func(m *model) {
			m.edit(unetFile, func(f *tensors) { f.tensor(m.t, query).Shape[0]++ })
		}, 1, []string{query}},
		{"not a number", func(m *model) {
			m.edit(unetFile, func(f *tensors) { f.poison(m.t, query, 0x7e00) })
		}, 1, []string{query, "NaN"}},
		{"infinite", func(m *model) {
			m.edit(vaeFile, func(f *tensors) { f.poison(m.t, "decoder.conv_out.bias", 0x7c00) })
		}, 1, []string{"decoder.conv_out.bias"}},
		{"no weights", func(m *model) { m.remove(unetFile) }, 1, []string{"unet"}},
		{"configuration is no JSON", func(m *model) { m.change("unet/config.json", func([]byte) []byte { return []byte("{") }) }, 1, []string{"config.json"}},
		{"vocabulary is no JSON", func(m *model) { m.change("tokenizer/vocab.json", func([]byte) []byte { return []byte(`{"a":`) }) }, 1, []string{"vocab.json"}},
		{"no merges", func(m *model) { m.remove("tokenizer/merges.txt") }, 1, []string{"merges.txt"}},
		{"a pipe in place of weights", func(m *model) { m.pipe(unetFile) }, 1, []string{"unet", "a named pipe, expected a file"}},
		{"a pipe in place of a configuration", func(m *model) { m.pipe("vae/config.json") }, 1, []string{"vae/config.json", "a named pipe, expected a file"}},
		{"impossible number of timesteps", func(m *model) {
			m.change("scheduler/scheduler_config.json", func(b []byte) []byte {
				return []byte(strings.Replace(string(b), "\"num_train_timesteps\": 1000", "\"num_train_timesteps\": 2000000000", 1))
			})
		}, 1, []string{"num_train_timesteps is 2e+09", "from 2 to 10000"}},
		{"no index", func(m *model) { m.remove("model_index.json") }, 2, []string{"node 1 (CheckpointLoaderSimple", "ckpt_name: 'broken' not in"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := copyModel(t)
			test.damage(m)
			s := start(t, demo, append([]string{"--models", m.models, "--set", "1.ckpt_name=broken"}, quick...)...)
			s.expectRefusal(test.status, test.says...)
			if test.status == 1 && !strings.Contains(s.stderr.String(), "node 1 (CheckpointLoaderSimple") {
				t.Error("it is not said that the loader failed")
			}
		})
	}
}

// expectRefusal waits for the end and checks that it was an orderly refusal: its status, what was said, and that nothing was
// made.
func (s *session) expectRefusal(status int, says ...string) {
	s.t.Helper()
	if got := s.wait(time.Minute); got != status {
		s.t.Errorf("status is %d, want %d", got, status)
	}
	text := s.stderr.String()
	for _, want := range says {
		if !strings.Contains(text, want) {
			s.t.Errorf("it does not say %q", want)
		}
	}
	for _, never := range []string{"panic", "goroutine ", "SIGSEGV", "plugin exited", "runtime error", "c10::Error", "Exception raised from"} {
		if strings.Contains(text, never) {
			s.t.Errorf("it says %q", never)
		}
	}
	for _, name := range files(s.t, s.out) {
		if strings.HasSuffix(name, ".png") {
			s.t.Errorf("%s was written", name)
		}
	}
	s.expectClean()
	if !s.t.Failed() {
		s.t.Logf("said: %s", lastLines(text, 3))
	}
}

func lastLines(text string, count int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}

// TestTooLarge: a picture that no machine has the memory for is refused at once with both numbers, and nothing is taken for it.
func TestTooLarge(t *testing.T) {
	s := start(t, demo, "--set", "4.width=16384", "--set", "4.height=16384", "--max-memory", "4GiB")
	s.expectRefusal(1, "16384×16384 pixels: this needs about", "of 4.0 GiB are free to this process (--max-memory)")
}
