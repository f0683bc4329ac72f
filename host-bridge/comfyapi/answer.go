package comfyapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/isac-guidance/isac/host-bridge/graph"
)

// failure is the body of an error: ComfyUI's shape of a refused prompt, with a sentence that says what to do. Clients that read the
// body of every error find JSON in all of them.
type failure struct {
	Error      graph.Mistake   `json:"error"`
	NodeErrors json.RawMessage `json:"node_errors"`
}

// fail answers with an error of no node.
func fail(w http.ResponseWriter, status int, kind, text string) {
	refuse(w, status, graph.Mistake{Type: kind, Message: text, Details: "", ExtraInfo: map[string]any{}}, nil)
}

func refuse(w http.ResponseWriter, status int, m graph.Mistake, nodes json.RawMessage) {
	if nodes == nil {
		nodes = json.RawMessage("{}")
	}
	answerStatus(w, status, failure{Error: m, NodeErrors: nodes})
}

// wrongError is a request that the client has to change; its text is the answer.
type wrongError struct {
	status int
	text   string
}

func (e *wrongError) Error() string { return e.text }

func wrong(format string, args ...any) error {
	return &wrongError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func wrongStatus(status int, format string, args ...any) error {
	return &wrongError{status, fmt.Sprintf(format, args...)}
}

// kinds name a status for clients that look at the type of an error.
var kinds = map[int]string{
	http.StatusBadRequest: "bad_request", http.StatusUnauthorized: "unauthorized", http.StatusForbidden: "forbidden",
	http.StatusNotFound: "not_found", http.StatusConflict: "conflict", http.StatusRequestEntityTooLarge: "too_large",
	http.StatusUnsupportedMediaType: "unsupported_media_type", http.StatusTooManyRequests: "too_many_requests",
	http.StatusServiceUnavailable: "unavailable", http.StatusRequestTimeout: "timeout", http.StatusMethodNotAllowed: "method_not_allowed",
}

// answer writes JSON with status 200.
func answer(w http.ResponseWriter, v any) { answerStatus(w, http.StatusOK, v) }

func answerStatus(w http.ResponseWriter, status int, v any) {
	text, err := plainJSON(v)
	if err != nil { // only what came out of JSON, or is made here, goes in
		panic(fmt.Errorf("an answer cannot be written as json: %w", err))
	}
	answerText(w, status, text)
}

// answerText writes a text that is JSON already.
func answerText(w http.ResponseWriter, status int, text []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that has left needs no answer
}

// done answers 200 with nothing in it, as ComfyUI does after a command.
func done(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) }

// plainJSON is json.Marshal without the escaping of <, > and &.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// body reads a request's body up to a limit.
func body(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var large *http.MaxBytesError
	var own *wrongError
	switch {
	case errors.As(err, &own):
		return nil, own
	case errors.As(err, &large):
		return nil, wrongStatus(http.StatusRequestEntityTooLarge, "the body is larger than %s, the most that is read here", bytesText(limit))
	case err != nil:
		return nil, wrong("the body could not be read: %v", err)
	}
	return text, nil
}

// object reads a body as a JSON object, whatever its content type. An empty body gives an object with nothing in it where that is
// allowed.
func object(w http.ResponseWriter, r *http.Request, limit int64, mayBeEmpty bool) (map[string]json.RawMessage, error) {
	text, err := body(w, r, limit)
	if err != nil {
		return nil, err
	}
	if text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")); mayBeEmpty && len(bytes.TrimSpace(text)) == 0 {
		return map[string]json.RawMessage{}, nil
	}
	if !utf8.Valid(text) {
		return nil, wrong("the body is not UTF-8")
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return nil, wrong("the body is no JSON object: %s", notAnObject(text, err))
	}
	return members, nil
}

func notAnObject(text []byte, err error) string {
	text = bytes.TrimSpace(text)
	var syntax *json.SyntaxError
	switch {
	case len(text) == 0:
		return "it is empty"
	case errors.As(err, &syntax):
		return fmt.Sprintf("%v, at byte %d", syntax, syntax.Offset)
	}
	return fmt.Sprintf("it begins with %.20q", text)
}

// field decodes one member of a body where it is given and not null.
func field(members map[string]json.RawMessage, name string, to any, what string) (given bool, err error) {
	raw, ok := members[name]
	if !ok || string(raw) == "null" {
		return false, nil
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return false, wrong("%q is %.60s; expected %s", name, raw, what)
	}
	return true, nil
}

// truth reads a member as Python does: everything is true but false, null, 0, and what is empty.
func truth(raw json.RawMessage) bool {
	text := strings.TrimSpace(string(raw))
	switch text {
	case "", "null", "false", `""`, "[]", "{}":
		return false
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return n != 0
	}
	return true
}

func bytesText(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

// quoted shows a text of a client in a message: short, and with nothing in it that a terminal would obey.
func quoted(text string) string {
	if len(text) > 80 {
		text = text[:80] + "…"
	}
	return strconv.QuoteToGraphic(text)
}
