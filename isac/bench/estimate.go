package bench

import (
	"context"
	"time"
)

// Estimate is how long a method takes.
type Estimate struct {
	Method string
	// Each is the time of one picture, detection included; Pictures how many are still to be made.
	Each     time.Duration
	Pictures int
}

// Calibrate makes one picture with each method of a plan, of the first pair, and keeps none of them. done says which pictures need not be
// made any more. The first picture of all is made twice, because it pays for what is set up once.
func Calibrate(ctx context.Context, p *Plan, done func(key string) bool) ([]Estimate, error) {
	studio, err := OpenStudio(ctx, p)
	if err != nil {
		return nil, err
	}
	defer studio.Close()
	left := map[string]int{}
	for _, u := range p.Units(0, 1, done) {
		left[u.Method.String()]++
	}
	var estimates []Estimate
	for i, m := range p.Methods {
		u := Unit{Pair: p.Pairs[0], Method: m}
		if i == 0 {
			if _, _, err := studio.Make(ctx, u); err != nil {
				return nil, err
			}
		}
		start := time.Now()
		if _, _, err := studio.Make(ctx, u); err != nil {
			return nil, err
		}
		estimates = append(estimates, Estimate{Method: m.String(), Each: time.Since(start), Pictures: left[m.String()]})
	}
	return estimates, nil
}

// Expected is the time of all pictures that are still to be made, by one process.
func Expected(estimates []Estimate) time.Duration {
	var sum time.Duration
	for _, e := range estimates {
		sum += e.Each * time.Duration(e.Pictures)
	}
	return sum
}
