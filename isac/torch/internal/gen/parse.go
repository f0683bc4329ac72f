package main

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
)

// op is one line of ops.txt.
type op struct {
	Section string
	Name    string // Go name
	Params  []param
	Results int  // tensors returned, 1 or 2
	InPlace bool // changes and returns its receiver
	Expr    string
	Doc     string
}

// param is one parameter of an op; Type is a key of kinds.
type param struct{ Name, Type string }

// Method reports whether the op is a method of Tensor.
func (o op) Method() bool { return len(o.Params) > 0 && o.Params[0].Name == "t" }

// CName is the snake-case name that C, and error messages, use.
func (o op) CName() string { return snake(o.Name) }

var (
	sectionLine = regexp.MustCompile(`^\[([a-z]+)\]$`)
	signature   = regexp.MustCompile(`^([A-Z][A-Za-z0-9]*)\((.*?)\) (Tensor|\(Tensor, Tensor\)|inplace)$`)
)

// parse reads ops.txt. Every mistake is named with its line.
func parse(r io.Reader) ([]op, error) {
	var (
		ops     []op
		section string
		seen    = map[string]int{}
		scan    = bufio.NewScanner(r)
	)
	for n := 1; scan.Scan(); n++ {
		line := strings.TrimSpace(scan.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if m := sectionLine.FindStringSubmatch(line); m != nil {
			section = m[1]
			continue
		}
		o, err := parseOp(line)
		if err != nil {
			return nil, fmt.Errorf("ops.txt:%d: %w", n, err)
		}
		if section == "" {
			return nil, fmt.Errorf("ops.txt:%d: an op before the first [section]", n)
		}
		if before, ok := seen[o.CName()]; ok {
			return nil, fmt.Errorf("ops.txt:%d: %s is defined in line %d already", n, o.Name, before)
		}
		seen[o.CName()] = n
		o.Section = section
		ops = append(ops, o)
	}
	return ops, scan.Err()
}

func parseOp(line string) (op, error) {
	parts := strings.SplitN(line, " | ", 3)
	if len(parts) != 3 {
		return op{}, fmt.Errorf("expected `Name(parameters) results | C++ expression | doc`, got %q", line)
	}
	m := signature.FindStringSubmatch(strings.TrimSpace(parts[0]))
	if m == nil {
		return op{}, fmt.Errorf("cannot read the signature %q", parts[0])
	}
	o := op{Name: m[1], Expr: strings.TrimSpace(parts[1]), Doc: strings.TrimSpace(parts[2]), Results: 1}
	switch m[3] {
	case "(Tensor, Tensor)":
		o.Results = 2
	case "inplace":
		o.InPlace = true
	}
	params, err := parseParams(m[2])
	if err != nil {
		return op{}, fmt.Errorf("%s: %w", o.Name, err)
	}
	o.Params = params
	if o.InPlace && !o.Method() {
		return op{}, fmt.Errorf("%s: an op in place must have t as its first parameter", o.Name)
	}
	return o, nil
}

// parseParams reads Go-style parameters, where names before a typed one share its type.
func parseParams(list string) ([]param, error) {
	var params []param
	untyped := 0
	for _, field := range strings.Split(list, ",") {
		name, typ, typed := strings.Cut(strings.TrimSpace(field), " ")
		params = append(params, param{Name: name})
		untyped++
		if !typed {
			continue
		}
		if _, ok := kinds[typ]; !ok {
			return nil, fmt.Errorf("parameter %s has the unknown type %q", name, typ)
		}
		for i := len(params) - untyped; i < len(params); i++ {
			params[i].Type = typ
		}
		untyped = 0
	}
	if untyped > 0 {
		return nil, fmt.Errorf("parameter %s has no type", params[len(params)-1].Name)
	}
	return params, nil
}

// snake turns AddScalar into add_scalar, RMSNorm into rms_norm, SDPA into sdpa.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 {
			afterLower := !unicode.IsUpper(runes[i-1])
			beforeLower := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if afterLower || beforeLower {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
