package diffusion

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// selecting is ISAC_LS towards the scene's two cats and a dog.
func selecting(c Conditioning, changes ...func(*isac.Selector)) *Guidance {
	s := isac.SelectPaper()
	for _, change := range changes {
		change(&s)
	}
	g := guided(c)
	g.Method = s
	return g
}

// candidates makes so many of them.
func candidates(n int) func(*isac.Selector) { return func(s *isac.Selector) { s.Candidates = n } }

// ran runs a request and gives the latents' values beside the rest.
func ran(t testing.TB, p *Pipeline, r SampleRequest) ([]float32, Result) {
	t.Helper()
	before := torch.LiveHandles()
	out, err := p.Run(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	values := out.Latent.Float32s()
	out.Latent.Close()
	if left := torch.LiveHandles() - before; left != 0 {
		t.Errorf("%d tensors were left", left)
	}
	return values, out
}

// plainLosses are the losses of one image of an unguided run that a session looks at with evaluations of its own.
func plainLosses(t testing.TB, p *Pipeline, r SampleRequest, seed uint64, options isac.Options) (latent []float32, losses []float64) {
	r.Seed = seed
	r.Guidance = guided(r.Positive)
	r.Guidance.Method, r.Guidance.Measure = options, true
	latent, reports := sample(t, p, r)
	for _, images := range reports {
		losses = append(losses, images[0].Loss)
	}
	return latent, losses
}

// TestSelectionMeasuresWhatASessionDoes holds that a candidate's loss at each step is that of a session that evaluates the model itself,
// with every reading of the maps.
func TestSelectionMeasuresWhatASessionDoes(t *testing.T) {
	torchtest.Require(t)
	p := loadTiny(t)
	for name, change := range map[string]func(*isac.Selector){
		"paper": func(*isac.Selector) {}, "typed": func(s *isac.Selector) { *s = isac.SelectTyped() },
		"schedule": func(s *isac.Selector) { s.Schedule = isac.ScheduleC }, "overlap": func(s *isac.Selector) { s.Overlap = isac.OverlapIoU },
		"window": func(s *isac.Selector) { s.Start, s.End, s.KMeans.Warm = 0.25, 0.75, false }, // a plain session looks at all steps
	} {
		r := request(t, p)
		r.Steps, r.Sampler = 4, "dpmpp_2m"
		r.Guidance = selecting(r.Positive, change, candidates(1))
		got, out := ran(t, p, r)
		options := r.Guidance.Method.(isac.Selector).Options
		plain, losses := plainLosses(t, p, r, r.Seed, options)
		first, end := options.Window(r.Steps)
		one := out.Choices[0].Candidates[0]
		if !slices.Equal(got, plain) || one.Measured != end-first {
			t.Errorf("%s: %d steps were measured, want %d; or it is another latent", name, one.Measured, end-first)
			continue
		}
		for i, loss := range losses[first:end] {
			if math.Abs(loss-one.Losses[i]) > 1e-4*loss {
				t.Errorf("%s: step %d has a loss of %v, the session's is %v", name, first+i, one.Losses[i], loss)
			}
		}
	}
}

// TestSelectionIsRunsByHand holds that the candidate that is kept is the unguided run with the lowest sum of losses, bit for bit, and what
// it costs, for samplers of several kinds and an odd number of candidates.
func TestSelectionIsRunsByHand(t *testing.T) {
	torchtest.Require(t)
	p := loadTiny(t)
	for sampler, evaluations := range map[string]int{"euler": 3, "heun": 5, "euler_ancestral": 3, "dpmpp_2m_sde": 3, "euler_cfg_pp": 3} {
		r := request(t, p)
		r.Sampler = sampler
		best, lowest := 0, math.Inf(1)
		var latents [][]float32
		for c := range 3 {
			latent, losses := plainLosses(t, p, r, r.Seed+uint64(c), isac.Paper())
			latents = append(latents, latent)
			sum := 0.0
			for _, l := range losses {
				sum += l
			}
			if sum < lowest {
				best, lowest = c, sum
			}
		}
		r.Guidance = selecting(r.Positive, candidates(3))
		ended := make([][]float32, 3)
		r.Guidance.OnCandidate = func(image, c int, latent torch.Tensor) error {
			ended[c] = latent.Float32s()
			return nil
		}
		got, out := ran(t, p, r)
		choice := out.Choices[0]
		loss := choice.Candidates[best].Loss
		if choice.Chosen != best || !slices.Equal(got, latents[best]) || loss == nil || math.Abs(*loss-lowest) > 1e-4*lowest {
			t.Errorf("%s: candidate %d with a loss of %v, want %d with %v", sampler, choice.Chosen, loss, best, lowest)
		}
		for c := range latents {
			if !slices.Equal(ended[c], latents[c]) || choice.Candidates[c].Seed != r.Seed+uint64(c) {
				t.Errorf("%s: candidate %d is not the run of its seed", sampler, c)
			}
		}
		if want := (Cost{Evaluations: 3 * 2 * evaluations}); out.Cost != want {
			t.Errorf("%s: it cost %+v, want %+v", sampler, out.Cost, want)
		}
	}
}

// TestHalvingKeepsTheBest holds which candidates go on: those that had the lowest sums where the cuts are, by runs of their own.
func TestHalvingKeepsTheBest(t *testing.T) {
	torchtest.Require(t)
	p := loadTiny(t)
	r := request(t, p)
	const n = 5
	r.Steps = 6
	sums := make([][]float64, n)
	latents := make([][]float32, n)
	for c := range n {
		latent, losses := plainLosses(t, p, r, r.Seed+uint64(c), isac.Paper())
		for i, l := range losses {
			if i > 0 {
				l += sums[c][i-1]
			}
			sums[c] = append(sums[c], l)
		}
		latents[c] = latent
	}
	r.Guidance = selecting(r.Positive, candidates(n), func(s *isac.Selector) { s.Halving, s.End = true, 0.5 })
	told := 0
	r.Guidance.OnCandidate = func(int, int, torch.Tensor) error { told++; return nil }
	var running []int
	r.OnStep = func(s StepInfo) error {
		running = append(running, s.Candidates)
		return nil
	}
	got, out := ran(t, p, r)
	choice := out.Choices[0]
	alive := []int{0, 1, 2, 3, 4}
	want := slices.Repeat([]int{r.Steps}, n)
	for _, cut := range []guidance.Cut{{After: 1, Keep: 3}, {After: 2, Keep: 2}, {After: 3, Keep: 1}} {
		slices.SortStableFunc(alive, func(a, b int) int {
			if sums[a][cut.After-1] < sums[b][cut.After-1] {
				return -1
			}
			return 1
		})
		for _, c := range alive[cut.Keep:] {
			want[c] = cut.After
		}
		alive = alive[:cut.Keep]
	}
	for c, one := range choice.Candidates {
		if one.Steps != want[c] || one.Measured != min(want[c], 3) {
			t.Errorf("candidate %d took %d steps and measured %d, want %d", c, one.Steps, one.Measured, want[c])
		}
	}
	if choice.Chosen != alive[0] || !slices.Equal(got, latents[alive[0]]) {
		t.Errorf("candidate %d was kept, want %d", choice.Chosen, alive[0])
	}
	if want := []int{5, 3, 2, 1, 1, 1}; !slices.Equal(running, want) || told != n || out.Cost.Evaluations != 2*13 {
		t.Errorf("steps had %v candidates, want %v; %d were told of; it cost %d evaluations", running, want, told, out.Cost.Evaluations)
	}
	if r := out.Reports[5][0]; !strings.Contains(r.Skipped, "the choice was made") {
		t.Errorf("the last step was looked at: %+v", r)
	}
}

// TestSelectionWithNothingToChoose holds that one run is made, and why, where no loss can tell candidates apart.
func TestSelectionWithNothingToChoose(t *testing.T) {
	torchtest.Require(t)
	p := loadTiny(t)
	r := request(t, p)
	want, _ := sample(t, p, r)
	for name, change := range map[string]func(*SampleRequest){
		"one instance of one class": func(r *SampleRequest) {
			r.Guidance.Target.Classes = r.Guidance.Target.Classes[1:]
		},
		"no word": func(r *SampleRequest) { r.Guidance.Target = guidance.Target{Reason: "no word is read"} },
	} {
		r.Guidance = selecting(r.Positive)
		change(&r)
		got, out := ran(t, p, r)
		c := out.Choices[0]
		if !slices.Equal(got, want) || !strings.Contains(c.Reason, name[:7]) || len(c.Candidates) != 1 || out.Cost.Evaluations != 2*3 {
			t.Errorf("%s: %+v at a cost of %+v", name, c, out.Cost)
		}
	}
}

// TestSelectionEnds holds that a run of candidates ends with its context, with its caller's error, and where it is asked for what it
// cannot do.
func TestSelectionEnds(t *testing.T) {
	torchtest.Require(t)
	p := loadTiny(t)
	r := request(t, p)
	r.Guidance = selecting(r.Positive, candidates(3))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.OnStep = func(StepInfo) error { cancel(); return nil }
	before := torch.LiveHandles()
	if _, err := p.Run(ctx, r); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is done: %v", err)
	}
	enough := errors.New("enough")
	r.OnStep, r.Guidance.OnCandidate = nil, func(int, int, torch.Tensor) error { return enough }
	if _, err := p.Run(context.Background(), r); !errors.Is(err, enough) {
		t.Errorf("a caller's error: %v", err)
	}
	if left := torch.LiveHandles() - before; left != 0 {
		t.Errorf("%d tensors were left", left)
	}
	r.Guidance = selecting(r.Positive, candidates(0))
	r.Guidance.Select = choice(2)
	r.NoNoise = true
	_, err := p.Run(context.Background(), r)
	for _, want := range []string{"candidates are 0", "a choice of its own"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not have %q", err, want)
		}
	}
}
