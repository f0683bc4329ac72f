package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/isac-guidance/isac/isac/bench"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/plugin/server"
)

// benchmark is the command bench.
type benchmark struct {
	Run    benchRun    `cmd:"" default:"withargs" help:"Make pictures with several methods, count what is in them, and write tables and plots. The default."`
	Report benchReport `cmd:"" help:"Write tables and plots again from results; needs neither model nor libtorch."`
}

// Help is what bench --help adds.
func (benchmark) Help() string {
	return `Every method makes its pictures from the same noise. The folder of the results is complete at any moment:
interrupted in whatever way, the same command goes on from there.

  isac-plugin bench --model sd15.safetensors --detectors yolo:yolo12x.onnx,dino:grounding-dino.onnx \
      --split report --methods none,isac,random --seeds 10 --out results
  isac-plugin bench run --help    all flags
  isac-plugin bench report results`
}

// benchRun is bench itself. Its folder is complete at any moment: interrupted by whatever, the same command goes on from there.
type benchRun struct {
	Model     string   `required:"" placeholder:"DIR|FILE" help:"The model: a diffusers folder or a .safetensors file."`
	Detectors []string `required:"" placeholder:"SPEC" help:"What counts the objects: mini:DIR, yolo:FILE.onnx[@cuda:0], dino:FILE.onnx[@cuda:0]. An object counts if two detectors see it."`
	Out       string   `required:"" placeholder:"DIR" help:"Folder of the results. A folder that has some is gone on with."`

	Methods []string `placeholder:"METHOD" help:"What is compared: none, isac[:preset][+key=value…], random (as far in random directions), ae (Attend-and-Excite), ae-isac (that, followed by ISAC; options as attend.eta, isac.end), isac-ls (of 8 plain runs the one with the lowest losses), isac-ls-halving (the same at 3 times the cost of a run); isac:typed+end=0.3+eta=0.05. Default: none,isac, or what --ablate says."`
	Ablate  []string `placeholder:"NAME" help:"Ablations as methods: the paper's schedule, overlap, cluster, eta, propagation; schedule-in-window; window, parts of the run; modes, guided steps that do less."`
	Base    string   `placeholder:"METHOD" default:"isac" help:"The method that --ablate changes, and whose options --measure looks with."`
	Against string   `placeholder:"METHOD" help:"The method that the tables compare the others with: none, or the exact one beside modes."`
	Measure bool     `help:"Look at the losses of plain sampling as well (slower: its seconds are not those of plain sampling)."`

	Tasks    []string `default:"multi-class,multi-instance,mixed" placeholder:"TASK" help:"What is asked for: ${default}; also single, numeracy."`
	Numeracy string   `placeholder:"FILE" help:"Prompts of T2I-CompBench++ numeracy, one a line; adds the task."`
	Split    string   `enum:"select,report" required:"" help:"select: prompts and seeds to choose options on. report: those of the table. They are disjoint."`
	Prompts  int      `default:"0" help:"Prompts of each task, spread over its levels; 0 is all."`
	Seeds    int      `default:"1" help:"Pictures of each prompt and method (the paper: 10)."`
	Sample   float64  `default:"0.2" help:"Part of all subsets of a group of classes that multi-class takes."`
	TaskSeed uint64   `default:"0" help:"Which subsets those are."`

	Steps      int     `default:"20" help:"Sampling steps."`
	CFG        float64 `default:"7.5" name:"cfg" help:"Scale of classifier-free guidance."`
	Sampler    string  `default:"ddim" help:"Sampler."`
	Scheduler  string  `default:"ddim_uniform" help:"Scheduler."`
	Size       int     `default:"0" help:"Side of the pictures in pixels; 0 is what the model was trained on."`
	DType      string  `name:"dtype" enum:"float32,float16,bfloat16" default:"float32" help:"What the model computes in: ${enum}."`
	Checkpoint bool    `help:"Gradient checkpoints: less memory, more time."`

	Jobs       int      `default:"1" help:"Processes that share the work."`
	Threads    int      `default:"0" help:"Threads of each process; 0 is the CPUs divided by the jobs. Two processes of one thread are faster than one of two."`
	Devices    []string `placeholder:"DEVICE" help:"Devices that the jobs take in turn, cuda:0,cuda:1; default: --device for all."`
	KeepImages bool     `help:"Keep the pictures, for the gallery."`
	DryRun     bool     `help:"Only say how many pictures there are, and make one with each method to say how long it takes."`

	Shard shard `hidden:"" help:"The part that this process does: 0/2."`
}

// stopped is the end that the user asked for.
type stopped struct{ done, total int }

func (s stopped) Error() string {
	return fmt.Sprintf("stopped after %d of %d pictures, which are kept: the same command goes on from there", s.done, s.total)
}

// ExitCode is what a shell reports for Ctrl-C.
func (stopped) ExitCode() int { return 130 }

// Run does the work, alone or with child processes.
func (b *benchRun) Run(c *commands) error {
	stdout, err := server.TakeStdout()
	if err != nil {
		return err
	}
	ctx, release := interruptible()
	defer release()
	request, err := b.request(c)
	if err != nil {
		return err
	}
	b.setThreads()
	plan, err := bench.NewPlan(request)
	if err != nil {
		return err
	}
	switch {
	case b.Shard.of > 0:
		return b.child(ctx, plan, stdout)
	case b.DryRun:
		return b.dryRun(ctx, plan, stdout)
	}
	for _, note := range plan.Notes {
		fmt.Fprintln(os.Stderr, "note:", note)
	}
	if err := b.make(ctx, c, plan); err != nil {
		return err
	}
	folder, err := bench.ReadFolder(b.Out)
	if err != nil {
		return err
	}
	return writeReport(stdout, []*bench.Folder{folder}, b.Out, nil)
}

// make makes all pictures.
func (b *benchRun) make(ctx context.Context, c *commands, plan *bench.Plan) error {
	lock, err := bench.Lock(b.Out)
	if err != nil {
		return err
	}
	defer lock.Close()
	folder, err := bench.OpenFolder(b.Out, plan.Settings)
	if err != nil {
		return err
	}
	records, err := folder.Records()
	if err != nil {
		return err
	}
	tally := bench.NewTally(plan, records)
	if tally.Done() == tally.Total() {
		fmt.Fprintf(os.Stderr, "all %d pictures are made already\n", tally.Total())
		return nil
	}
	display := newBenchDisplay(os.Stderr, tally)
	if b.jobs() == 1 {
		err = bench.Run(ctx, plan, folder, bench.RunOptions{Shards: 1, KeepImages: b.KeepImages, Made: func(p bench.Picture) error {
			display.add(p)
			return nil
		}})
	} else {
		err = b.parent(ctx, c, lock, display)
	}
	display.close()
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return stopped{tally.Done(), tally.Total()}
	}
	return err
}

// request is what the flags ask for.
func (b *benchRun) request(c *commands) (bench.Request, error) {
	var errs []error
	base, err := bench.ParseMethod(b.Base)
	if err == nil && !base.Guided() {
		err = fmt.Errorf("--base is %q, expected a guided method such as isac:typed", b.Base)
	}
	errs = append(errs, err)
	methods, err := b.methods()
	errs = append(errs, err)
	against := ""
	if b.Against != "" {
		m, err := bench.ParseMethod(b.Against)
		errs = append(errs, err)
		if against = m.String(); err == nil && !slices.ContainsFunc(methods, func(of bench.Method) bool { return of.String() == against }) {
			errs = append(errs, fmt.Errorf("--against is %q, which is none of the methods of this bench", b.Against))
		}
	}
	if b.Jobs < 1 || b.Threads < 0 {
		errs = append(errs, fmt.Errorf("--jobs %d --threads %d: expected at least one job, and a number of threads or 0", b.Jobs, b.Threads))
	}
	if err := errors.Join(errs...); err != nil {
		return bench.Request{}, err
	}
	tasks := b.Tasks
	if b.Numeracy != "" && !slices.Contains(tasks, "numeracy") {
		tasks = append(slices.Clone(tasks), "numeracy")
	}
	device := torch.Device(c.Device)
	if len(b.Devices) > 0 {
		device = torch.Device(b.Devices[b.Shard.index%len(b.Devices)])
	}
	r := bench.Request{
		Model: b.Model, Device: device, DType: dtypes[b.DType], Checkpoint: b.Checkpoint, MaxMemory: int64(c.Memory), Detectors: b.Detectors,
		Sampling: bench.Sampling{Sampler: b.Sampler, Scheduler: b.Scheduler, Steps: b.Steps, CFG: b.CFG, Size: b.Size},
		Methods:  methods, Against: against, Measure: b.Measure, Tasks: tasks, NumeracyFile: b.Numeracy, Sample: b.Sample, TaskSeed: b.TaskSeed,
		Split: b.Split, Prompts: b.Prompts, Seeds: b.Seeds,
	}
	if look := base.Options(); look != nil {
		r.Look = *look
	}
	return r, r.Validate()
}

var dtypes = map[string]torch.DType{"float32": torch.Float32, "float16": torch.Float16, "bfloat16": torch.BFloat16}

// methods are those of --methods and of --ablate together.
func (b *benchRun) methods() ([]bench.Method, error) {
	texts := slices.Clone(b.Methods)
	var errs []error
	for _, name := range b.Ablate {
		methods, err := bench.Ablate(name, b.Base)
		errs = append(errs, err)
		for _, m := range methods {
			texts = append(texts, m.String())
		}
	}
	if len(texts) == 0 {
		texts = []string{"none", "isac"}
	}
	methods, err := bench.ParseMethods(texts)
	return methods, errors.Join(append(errs, err)...)
}

// jobs is how many processes do the work: at least one for each device.
func (b *benchRun) jobs() int { return max(1, b.Jobs, len(b.Devices)) }

// setThreads says how many threads libtorch shall have, before it is loaded. What the user set in the environment stays.
func (b *benchRun) setThreads() {
	const name = "OMP_NUM_THREADS"
	switch {
	case b.Threads > 0:
		os.Setenv(name, strconv.Itoa(b.Threads))
	case os.Getenv(name) == "":
		os.Setenv(name, strconv.Itoa(max(1, runtime.GOMAXPROCS(0)/b.jobs())))
	}
}

// interruptible is a context that Ctrl-C and SIGTERM end. A second one ends the process at once, which loses no more than the
// picture that is being made.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(stopped{}.ExitCode())
	}()
	return ctx, cancel
}

// dryRun says what there is to do and how long it takes.
func (b *benchRun) dryRun(ctx context.Context, plan *bench.Plan, to io.Writer) error {
	done := func(string) bool { return false }
	already := 0
	if folder, err := bench.ReadFolder(b.Out); err == nil {
		records, err := folder.Records()
		if err != nil {
			return err
		}
		keys := map[string]bool{}
		for _, r := range records {
			keys[r.Key()] = true
		}
		done = func(key string) bool { return keys[key] }
		already = plan.Pictures() - len(plan.Units(0, 1, done))
	}
	for _, note := range plan.Notes {
		fmt.Fprintln(to, "note:", note)
	}
	fmt.Fprintf(to, "%d pictures: %d pairs of prompt and seed, %d methods; %d are made already\n", plan.Pictures(), len(plan.Pairs), len(plan.Methods), already)
	for _, line := range plan.Counts() {
		fmt.Fprintln(to, "  "+line)
	}
	estimates, err := bench.Calibrate(ctx, plan, done)
	if err != nil {
		return err
	}
	for _, e := range estimates {
		fmt.Fprintf(to, "%7.2f s a picture, %5d pictures: %s\n", e.Each.Seconds(), e.Pictures, e.Method)
	}
	fmt.Fprintf(to, "about %s with %d job(s) that do not slow each other down\n", bench.Rough(bench.Expected(estimates)/time.Duration(b.jobs())), b.jobs())
	return nil
}
