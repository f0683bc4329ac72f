package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// BenchmarkServe is what a prompt of ten nodes that compute nothing costs a client of isac-host serve, from its POST to the message
// that the prompt has ended: HTTP, validation, the queue's file store, ten calls of a plugin's process, a file, history and
// every message.
//
//	go test ./host-bridge/isac-host -bench Serve -run -
func BenchmarkServe(b *testing.B) {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	page, stdout := io.Pipe()
	ended := make(chan int)
	var log bytes.Buffer
	go func() {
		ended <- execute([]string{"serve", "--listen", "127.0.0.1:0", "--data", b.TempDir(), "--plugin", self},
			&console{ctx: ctx, stdin: strings.NewReader(""), stdout: stdout, stderr: &log})
		stdout.Close()
	}()
	var url string
	if _, err := fmt.Fscanln(page, &url); err != nil {
		<-ended
		b.Fatalf("it does not serve: %v\n%s", err, &log)
	}
	go func() { _, _ = io.Copy(io.Discard, page) }()
	url = strings.TrimSuffix(url, "/")
	socket, _, err := websocket.DefaultDialer.DialContext(ctx, strings.Replace(url, "http", "ws", 1)+"/ws?clientId=bench", nil)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = socket.Close()
		stop()
		if status := <-ended; status != exitDone {
			b.Errorf("status %d\n%s", status, &log)
		}
	}()

	nodes := []string{`"0":{"class_type":"Number","inputs":{"value":1}}`}
	for i := 1; i < 9; i++ {
		nodes = append(nodes, fmt.Sprintf(`"%d":{"class_type":"Add","inputs":{"a":["%d",0],"b":["0",0]}}`, i, i-1))
	}
	nodes = append(nodes, `"9":{"class_type":"Show","inputs":{"value":["8",0],"label":"%d"}}`)
	workflow := "{" + strings.Join(nodes, ",") + "}"
	// Another number or another label, so that nothing is known from the prompt before.
	body := func(i int) string {
		text := strings.Replace(workflow, `"value":1`, fmt.Sprintf(`"value":%d`, i%1000), 1)
		return fmt.Sprintf(`{"client_id":"bench","prompt":%s}`, fmt.Sprintf(text, i))
	}
	messages := 0
	for i := 0; b.Loop(); i++ {
		answer, err := http.Post(url+"/prompt", "application/json", strings.NewReader(body(i)))
		if err != nil {
			b.Fatal(err)
		}
		var taken struct {
			PromptID string `json:"prompt_id"`
		}
		if err := json.NewDecoder(answer.Body).Decode(&taken); err != nil || answer.StatusCode != http.StatusOK {
			b.Fatal(answer.Status, err)
		}
		answer.Body.Close()
		for over := false; !over; messages++ {
			over = isLast(b, socket, taken.PromptID)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/prompt")
	b.ReportMetric(float64(messages)/float64(b.N), "messages/prompt")
}

// isLast reads one message and says whether it is the last one of a prompt.
func isLast(b *testing.B, socket *websocket.Conn, id string) bool {
	kind, data, err := socket.ReadMessage()
	if err != nil {
		b.Fatal(err)
	}
	if kind != websocket.TextMessage {
		return false
	}
	var m struct {
		Type string `json:"type"`
		Data struct {
			Node     *string `json:"node"`
			PromptID string  `json:"prompt_id"`
			Message  string  `json:"exception_message"`
		} `json:"data"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		b.Fatal(err)
	}
	if m.Type == "execution_error" {
		b.Fatal(m.Data.Message)
	}
	return m.Type == "executing" && m.Data.Node == nil && m.Data.PromptID == id
}
