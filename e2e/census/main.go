// Census scores a folder of workflows: which of them have only node types that are ComfyUI's own, and which of these a server knows.
//
//	go run ./e2e/census --server http://127.0.0.1:8188 FOLDER
//	go run ./e2e/census --object-info object_info.json FOLDER
//
// It reads workflows of both forms, .json files and what ComfyUI writes into pictures. It does not run them: a workflow names models
// that are not here.
package main

import (
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

//go:embed classes.txt
var ownClasses string

func main() {
	server := flag.String("server", "", "URL of isac-host, whose /object_info is read")
	file := flag.String("object-info", "", "file with an answer of /object_info")
	flag.Parse()
	if err := run(*server, *file, flag.Args(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "census:", err)
		os.Exit(1)
	}
}

func run(server, file string, folders []string, to io.Writer) error {
	if len(folders) == 0 || (server == "") == (file == "") {
		return fmt.Errorf("expected folders of workflows, and one of --server and --object-info")
	}
	known, err := readSchema(server, file)
	if err != nil {
		return err
	}
	own := map[string]bool{}
	for _, line := range strings.Split(ownClasses, "\n") {
		if line != "" && !strings.HasPrefix(line, "#") {
			own[line] = true
		}
	}
	count := newTally(own, known)
	for _, folder := range folders {
		if err := walk(folder, count.add); err != nil {
			return err
		}
	}
	return count.print(to)
}

// readSchema gets /object_info from a server or a file.
func readSchema(server, file string) (map[string]schema, error) {
	var text []byte
	var err error
	if file != "" {
		text, err = os.ReadFile(file)
	} else {
		text, err = get(strings.TrimRight(server, "/") + "/object_info")
	}
	if err != nil {
		return nil, fmt.Errorf("the node types: %w", err)
	}
	var known map[string]schema
	if err := json.Unmarshal(text, &known); err != nil {
		return nil, fmt.Errorf("the node types: %w", err)
	}
	return known, nil
}

func get(url string) ([]byte, error) {
	client := http.Client{Timeout: time.Minute}
	answer, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return io.ReadAll(answer.Body)
}
