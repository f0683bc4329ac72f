// Command score compares what package prompt reads with readings by people.
//
//	go run ./isac/prompt/score FILE...
//
// Each line of a file is a prompt, a tab, and its objects: "two cats and some dogs<TAB>cat=2, dog=?". "?" stands for a number
// that the prompt does not give, and "-" or nothing for a prompt without objects. Lines that begin with # are comments. It prints
// every difference and the rate of each file, and ends with status 1 where there is one above --limit.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	show := flag.Bool("print", false, "print every prompt with its reading and notes instead, in the form of such a file")
	limit := flag.Float64("limit", 100, "the share of differing prompts, in percent, above which the command fails")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "no file was given: expected files with lines of PROMPT<TAB>cat=2, dog=1")
		os.Exit(2)
	}
	above := false
	for _, name := range flag.Args() {
		result, err := scoreFile(name, *show)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		for _, d := range result.Differences {
			fmt.Println(d)
		}
		if *show {
			continue
		}
		fmt.Printf("%s: %d of %d prompts differ (%.1f %%)\n", name, len(result.Differences), result.Prompts, result.Rate())
		above = above || result.Rate() > *limit
	}
	if above {
		os.Exit(1)
	}
}
