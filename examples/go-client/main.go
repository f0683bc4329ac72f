// Go-client opens a guidance session of isac-plugin, as an application does that samples with a model of its own, and prints what
// guidance reports. It has no model, so what it sends are the latents that a run begins with, pure noise, at the first noise levels of
// a run; euler.go is the loop that an application with a model runs.
package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"

	"github.com/isac-guidance/isac/plugin"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "go-client:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	c, err := plugin.Start(ctx, plugin.Config{Path: os.Getenv("ISAC_PLUGIN"), Env: []string{plugin.EnvModels + "=examples/mini"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	session, err := c.Guidance.Open(ctx, plugin.GuidanceConfig{
		Checkpoint: "mini", Prompt: "a photo of two cats and a dog", Parametrisation: plugin.ParametrisationComfyUI,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	for _, class := range session.Info.Target {
		fmt.Printf("%d of %q at tokens %v\n", class.Count, class.Name, class.Tokens)
	}
	noise := rand.New(rand.NewPCG(1, 2))
	for i, sigma := range []float64{14.6, 10.7, 8.1} {
		latents := make([]float32, session.Info.LatentChannels*16*16)
		for j := range latents {
			latents[j] = float32(noise.NormFloat64() * math.Sqrt(1+sigma*sigma))
		}
		shape := []int64{1, int64(session.Info.LatentChannels), 16, 16}
		step := plugin.GuidanceStep{Index: i, Count: 20, Level: plugin.AtSigma(sigma), Latents: plugin.NewTensor(latents, shape...)}
		result, err := session.Guide(ctx, step)
		if err != nil {
			return err
		}
		report := result.Reports[0]
		fmt.Printf("step %d at sigma %.1f: loss %.4f, moved by %.2f%% %s\n", i+1, sigma, report.Loss, 100*report.StepNorm/report.LatentNorm, report.Skipped)
	}
	return nil
}
