package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/isac-guidance/isac/isac/bench/score"
)

// Picture tells of a picture that is made and whose record is on the disk.
type Picture struct {
	Method string  `json:"method"`
	Ratio  float64 `json:"ratio"` // score.Scores.Ratio
	// Wall is the time of everything, detection included; it is what counts for how long a bench takes.
	Wall time.Duration `json:"wall"`
}

// RunOptions say which part of a plan is done, and what is kept.
type RunOptions struct {
	// Shard of Shards (0 ≤ Shard < Shards) is the part of the pairs that this call makes.
	Shard, Shards int
	// KeepImages has the pictures kept as PNG.
	KeepImages bool
	// Made, if not nil, is called with each picture. Its error ends the run.
	Made func(Picture) error
}

// Run makes the pictures of a plan that the folder does not have yet. A context that is done ends it within one evaluation of
// the model, with its error; what was made before is kept, and the next call goes on from there.
func Run(ctx context.Context, p *Plan, f *Folder, o RunOptions) error {
	if o.Shards < 1 || o.Shard < 0 || o.Shard >= o.Shards {
		return fmt.Errorf("shard %d of %d: expected one of 0 to %d", o.Shard, o.Shards, max(o.Shards, 1)-1)
	}
	records, err := f.Records()
	if err != nil {
		return err
	}
	units := p.Units(o.Shard, o.Shards, keysOf(records))
	if len(units) == 0 {
		return nil
	}
	studio, err := OpenStudio(ctx, p)
	if err != nil {
		return err
	}
	defer studio.Close()
	out, err := f.Writer(o.Shard)
	if err != nil {
		return err
	}
	defer out.Close()
	for _, u := range units {
		start := time.Now()
		record, picture, err := studio.Make(ctx, u)
		if err != nil {
			return err
		}
		if o.KeepImages { // before the record, so that a record never lacks its picture
			if err := f.Keep(record, picture); err != nil {
				return fmt.Errorf("keep picture: %w", err)
			}
		}
		if err := out.Write(record); err != nil {
			return err
		}
		if o.Made == nil {
			continue
		}
		if err := o.Made(Picture{Method: record.Method, Ratio: score.Judge(record).Ratio, Wall: time.Since(start)}); err != nil {
			return err
		}
	}
	return out.Close()
}

// keysOf says whether a picture is among some records.
func keysOf(records []score.Record) func(key string) bool {
	keys := map[string]bool{}
	for _, r := range records {
		keys[r.Key()] = true
	}
	return func(key string) bool { return keys[key] }
}
