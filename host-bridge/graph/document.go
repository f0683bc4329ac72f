package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// ParseError says why a text is no workflow, and where.
type ParseError struct {
	// Type is ComfyUI's error type: no_prompt where there is nothing, invalid_prompt otherwise.
	Type string
	// Line and Column count from 1, columns in characters; 0 where no single place is meant.
	Line, Column int
	Message      string
}

func (e *ParseError) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// document is a JSON text that is known to be well-formed.
type document struct {
	text []byte
	root span
}

// span is one value of a document: its text and the byte at which it begins.
type span struct {
	text json.RawMessage
	at   int
}

// member is one member of an object, and the byte at which its key begins.
type member struct {
	key   string
	value span
	at    int
}

func newDocument(text []byte) (*document, error) {
	d := &document{text: text}
	if at := invalidUTF8(text); at >= 0 {
		return nil, d.errorAt(at, "byte 0x%02x is not UTF-8; save the workflow as UTF-8", text[at])
	}
	start := len(text) - len(bytes.TrimLeft(text, " \t\r\n"))
	if trimmed := bytes.TrimSpace(text); len(trimmed) == 0 || string(trimmed) == "null" {
		return nil, &ParseError{Type: TypeNoPrompt, Message: "no prompt provided: there is no workflow in the text"}
	}
	var root json.RawMessage
	if err := json.Unmarshal(text, &root); err != nil {
		var syntax *json.SyntaxError
		if !errors.As(err, &syntax) {
			return nil, d.errorAt(0, "%v", err)
		}
		// Offset counts the bytes read, the offending one included.
		at := max(0, int(syntax.Offset)-1)
		if at >= len(bytes.TrimRight(text, " \t\r\n"))-1 && syntax.Error() == "unexpected end of JSON input" {
			return nil, d.errorAt(len(text), "the text ends in the middle of the workflow; was the file cut off?")
		}
		return nil, d.errorAt(at, "%v", syntax)
	}
	d.root = span{text: root, at: start}
	return d, nil
}

// members reads an object in its order. what and of name it in the error where it is none.
func (d *document) members(s span, what, of string) ([]member, error) {
	if s.kind() != "an object" {
		return nil, d.errorAt(s.at, "%s is an object of %s; this is %s", what, of, s.kind())
	}
	dec := json.NewDecoder(bytes.NewReader(s.text))
	if _, err := dec.Token(); err != nil {
		return nil, d.errorAt(s.at, "%v", err)
	}
	var members []member
	for dec.More() {
		at := s.at + skip(s.text, int(dec.InputOffset()), ',')
		key, err := dec.Token()
		if err != nil {
			return nil, d.errorAt(at, "%v", err)
		}
		m := member{key: key.(string), at: at} // the document is well-formed: a key is a string
		m.value.at = s.at + skip(s.text, int(dec.InputOffset()), ':')
		if err := dec.Decode(&m.value.text); err != nil {
			return nil, d.errorAt(m.value.at, "%v", err)
		}
		members = append(members, m)
	}
	return members, nil
}

// kind names the value's JSON type with its article.
func (s span) kind() string {
	if len(s.text) == 0 {
		return "nothing"
	}
	switch s.text[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "a truth value"
	case 'n':
		return "null"
	}
	return "a number"
}

// errorAt gives the error of type invalid_prompt at a byte of the text.
func (d *document) errorAt(at int, format string, args ...any) *ParseError {
	before := d.text[:min(at, len(d.text))]
	line := bytes.LastIndexByte(before, '\n') + 1
	return &ParseError{
		Type:    TypeInvalidPrompt,
		Line:    bytes.Count(before, []byte("\n")) + 1,
		Column:  utf8.RuneCount(before[line:]) + 1,
		Message: fmt.Sprintf(format, args...),
	}
}

// skip gives the first byte from at on that is neither blank nor the given separator.
func skip(text []byte, at int, separator byte) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n' || text[at] == separator) {
		at++
	}
	return at
}

func invalidUTF8(text []byte) int {
	if utf8.Valid(text) {
		return -1
	}
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}

// printable keeps what can be printed, and turns blanks into spaces.
func printable(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.IsPrint(r):
		return r
	}
	return -1
}
