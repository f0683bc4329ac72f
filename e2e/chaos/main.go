//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

type command struct {
	Minutes  float64 `help:"How long new episodes are begun." default:"1"`
	Episodes int     `help:"At most so many episodes; 0 for as many as there is time for." placeholder:"N"`
	Steps    int     `help:"Steps of an episode." default:"60"`
	Seed     uint64  `help:"Seed of the first episode; the next has the next. 0 takes one from the clock." placeholder:"N"`
	Bin      string  `help:"Folder of isac-host and isac-plugin." default:"build/bin" type:"existingdir"`
	Models   string  `help:"Folder of models." default:"examples/mini" type:"existingdir"`
	Logs     string  `help:"Folder for the logs of episodes that found something." default:"chaos-logs"`
}

func main() {
	var c command
	k := kong.Parse(&c, kong.Description("Random work under random failures."))
	k.FatalIfErrorf(c.Run())
}

// Run runs episodes until the time is over, and fails if one found something.
func (c *command) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if c.Seed == 0 {
		c.Seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	var err error
	for _, path := range []*string{&c.Bin, &c.Models, &c.Logs} {
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	began := time.Now()
	total := &tally{counts: map[string]int{}, peaks: map[string]int64{}}
	fmt.Printf("chaos: seed %d, %d steps an episode\n", c.Seed, c.Steps)
	for i := 0; time.Since(began).Minutes() < c.Minutes && (c.Episodes == 0 || i < c.Episodes) && ctx.Err() == nil; i++ {
		seed := c.Seed + uint64(i)
		steps := plan(rand.New(rand.NewPCG(seed, 1)), c.Steps)
		start := time.Now()
		found := c.episode(ctx, seed, steps, total)
		if ctx.Err() != nil {
			break
		}
		total.counts["episodes"]++
		if found == nil {
			fmt.Printf("episode %d: nothing found, %v\n", seed, time.Since(start).Round(time.Second))
			continue
		}
		fmt.Printf("\nepisode %d found: %v\n", seed, found)
		shortest := shrink(steps, time.Now().Add(5*time.Minute), func(fewer []step) bool {
			return ctx.Err() == nil && c.episode(ctx, seed, fewer, total) != nil
		})
		fmt.Printf("the shortest list of steps that found something, %d of %d:\n", len(shortest), len(steps))
		for _, s := range shortest {
			fmt.Printf("  %s\n", s)
		}
		total.print(os.Stdout, time.Since(began))
		return fmt.Errorf("seed %d: %w; logs in %s", seed, found, c.Logs)
	}
	total.print(os.Stdout, time.Since(began))
	return nil
}
