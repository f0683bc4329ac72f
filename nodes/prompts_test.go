package nodes

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// lines are what a result shows.
func lines(r Result) []string {
	text, _ := r.UI["text"].([]string)
	return text
}

// TestLongPromptsAreGuided runs prompts of several chunks to the end, with class words in the later ones, and a class word that two
// chunks share. The mini model's chunks have 32 tokens, the tiny ones' 24.
func TestLongPromptsAreGuided(t *testing.T) {
	for name, folder := range map[string]string{"mini": miniFolder, "tiny-sdxl": filepath.Join(filepath.Dir(tinyFolder), "tiny-sdxl"), "tiny-sd3": filepath.Join(filepath.Dir(tinyFolder), "tiny-sd3")} {
		for text, want := range map[string]string{
			"two cats " + strings.Repeat("very ", 68) + "big and three tennis rackets":                                                  "cat=2, tennis racket=3",
			"a photo of two cats in a green field under a blue sky on a warm summer day with very soft light, and a dog":                "cat=2, dog=1",
			"two (cats:1.2) on a (green field:0.8) under a blue sky on a warm summer day with very soft light, and ((a (dog:1.1):1.3))": "cat=2, dog=1",
		} {
			h := newHost(t, folder)
			l := h.load(name, text)
			c := l.positive.(*Conditioning).Encoded
			if int(c.Hidden.Size(1)) != len(c.Spans) || len(c.Spans) <= 32 {
				t.Fatalf("%s: %d positions and %d spans, want those of several chunks", name, c.Hidden.Size(1), len(c.Spans))
			}
			l.model = h.guided(l.model, map[string]any{"eta": 0.2, "end": 1.0})
			result := h.run("KSampler", h.sampling(l, map[string]any{"steps": 2}))
			said := lines(result)
			if len(said) < 2 || !slices.Contains(said, want) || !strings.Contains(strings.Join(said, "\n"), "chunks of") {
				t.Errorf("%s: shows %q, want %q and the number of chunks", name, said, want)
			}
			latent := result.Values[0].(*Latent)
			for _, r := range latent.Reports[0] {
				if r.Skipped != "" || r.Moves == 0 {
					t.Errorf("%s: step %d was skipped: %s", name, r.Index, r.Skipped)
				}
			}
			last := latent.Target.Classes[1]
			for _, at := range last.Tokens {
				if s := c.Spans[at]; s[0] == s[1] || !strings.Contains(strings.ToLower(text[s[0]:s[1]]+last.Name), last.Name) {
					t.Errorf("%s: %s is at position %d, which stands for %v", name, last.Name, at, s)
				}
			}
			h.release()
		}
	}
}

// TestWordsThatAreNotRead runs a guided prompt whose conditioning is shorter than its text, as a host that cuts prompts makes it.
func TestWordsThatAreNotRead(t *testing.T) {
	h := newHost(t, tinyFolder)
	for left, want := range map[int]string{4: `"dog" at bytes`, 2: "guidance was left out at 2 of 2 steps that it was asked for: the model reads no class word"} {
		l := h.load("tiny", catsAndDog)
		l.model = h.guided(l.model, map[string]any{"eta": 0.2, "end": 1.0})
		c := l.positive.(*Conditioning)
		c.Encoded.Spans = c.Encoded.Spans[:left]
		result := h.run("KSampler", h.sampling(l, map[string]any{"steps": 2}))
		if said := strings.Join(lines(result), "\n"); !strings.Contains(said, want) {
			t.Errorf("shows %q, want %q", said, want)
		}
		if r := result.Values[0].(*Latent).Reports[0][0]; !r.Wanted || (r.Skipped == "") != (left > 2) {
			t.Errorf("the first step: %+v", r)
		}
	}
}

// TestPromptsAreRead holds that weights and embeddings change the picture, and that what is not read is told with it.
func TestPromptsAreRead(t *testing.T) {
	t.Setenv(embeddingsVariable, filepath.Join(filepath.Dir(tinyFolder), "prompts", "embeddings"))
	h := newHost(t, tinyFolder)
	state := func(text string) []float32 {
		c := h.load("tiny", text).positive.(*Conditioning).Encoded
		return c.Hidden.Float32s()
	}
	plain := state("a cat")
	for _, text := range []string{"a (cat:1.3)", "a (cat)", "a embedding:plain cat"} {
		if slices.Equal(state(text), plain) {
			t.Errorf("%q is encoded as without", text)
		}
	}
	if !slices.Equal(state("a (cat:1)"), plain) || !slices.Equal(state("a embedding:absent cat"), plain) {
		t.Error("a weight of 1, or an embedding that is not there, changes the conditioning")
	}
	l := h.load("tiny", "a cat BREAK embedding:absent, <lora:x:1>")
	said := strings.Join(lines(h.run("KSampler", h.sampling(l, map[string]any{"steps": 1}))), "\n")
	for _, want := range []string{"positive: BREAK is read as text", "positive: embedding absent is left out: not found in", "LoraLoader"} {
		if !strings.Contains(said, want) {
			t.Errorf("shows %q, want %q", said, want)
		}
	}
	if _, err := h.try(context.Background(), "CLIPTextEncode", map[string]any{"clip": l.clip, "text": "(cat:nan)"}); err == nil || !strings.Contains(err.Error(), "weight out of range at byte 1") {
		t.Errorf("%v, want an error that names the weight", err)
	}
}

// TestEmbeddingFolders looks into the folders called embeddings, and in no other.
func TestEmbeddingFolders(t *testing.T) {
	root := t.TempDir()
	own, models := filepath.Join(root, "own"), filepath.Join(root, "checkpoints")
	for _, folder := range []string{own, filepath.Join(models, "embeddings"), filepath.Join(root, "embeddings")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(embeddingsVariable, own)
	want := []string{own, filepath.Join(models, "embeddings"), filepath.Join(root, "embeddings")}
	if got := PromptOptions(&Env{ModelPaths: []string{models, models, ""}}).Embeddings.Folders; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	t.Setenv(embeddingsVariable, "")
	if got := PromptOptions(nil).Embeddings.Folders; len(got) != 0 {
		t.Errorf("%q, want none", got)
	}
}
