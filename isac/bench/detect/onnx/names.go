package onnx

import (
	"fmt"
	"strconv"
	"strings"
)

// parseNames reads class names as Ultralytics writes them into a model's metadata: a Python dictionary in one line,
// {0: 'person', 1: "driver's license"}. Lists and dictionaries with quoted numbers are read as well. Indices must be 0 … n-1.
func parseNames(text string) ([]string, error) {
	p := &literal{text: strings.TrimSpace(text)}
	names, err := p.names()
	if err != nil {
		return nil, fmt.Errorf("class names %q: %w", shorten(text), err)
	}
	list := make([]string, len(names))
	for i := range list {
		name, ok := names[i]
		if !ok {
			return nil, fmt.Errorf("class names %q: %d names, but none for index %d", shorten(text), len(names), i)
		}
		list[i] = name
	}
	return list, nil
}

// literal is a reader of Python's literals, as far as names need it.
type literal struct {
	text string
	at   int
}

func (p *literal) names() (map[int]string, error) {
	names := map[int]string{}
	closing, dictionary := byte(']'), false
	switch {
	case p.take('{'):
		closing, dictionary = '}', true
	case p.take('['):
	default:
		return nil, fmt.Errorf("expected { or [ at the start")
	}
	for !p.take(closing) {
		index := len(names)
		if dictionary {
			var err error
			if index, err = p.index(); err != nil {
				return nil, err
			}
			if !p.take(':') {
				return nil, fmt.Errorf("expected : at character %d", p.at)
			}
		}
		name, err := p.quoted()
		if err != nil {
			return nil, err
		}
		if _, twice := names[index]; twice {
			return nil, fmt.Errorf("index %d has two names", index)
		}
		names[index] = name
		if !p.take(',') && p.peek() != closing {
			return nil, fmt.Errorf("expected , or %c at character %d", closing, p.at)
		}
	}
	if p.peek(); p.at != len(p.text) {
		return nil, fmt.Errorf("unexpected text after character %d", p.at)
	}
	return names, nil
}

// peek passes over blanks and gives the next character, 0 at the end.
func (p *literal) peek() byte {
	for p.at < len(p.text) && strings.ContainsRune(" \t\r\n", rune(p.text[p.at])) {
		p.at++
	}
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *literal) take(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.at++
	return true
}

func (p *literal) index() (int, error) {
	if c := p.peek(); c == '\'' || c == '"' {
		text, err := p.quoted()
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(text)
	}
	from := p.at
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
		p.at++
	}
	index, err := strconv.Atoi(p.text[from:p.at])
	if err != nil {
		return 0, fmt.Errorf("expected a number at character %d", from)
	}
	return index, nil
}

// quoted reads a string in either kind of quotes. Of escapes, Python's repr writes \\ and the quote, and \n, \t, \x.. for what a
// class name does not hold; these are refused.
func (p *literal) quoted() (string, error) {
	quote := p.peek()
	if quote != '\'' && quote != '"' {
		return "", fmt.Errorf("expected a quoted name at character %d", p.at)
	}
	p.at++
	var b strings.Builder
	for ; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; c {
		case quote:
			p.at++
			return b.String(), nil
		case '\\':
			p.at++
			if p.at == len(p.text) || !strings.ContainsRune(`\'"`, rune(p.text[p.at])) {
				return "", fmt.Errorf("unknown escape at character %d", p.at-1)
			}
			b.WriteByte(p.text[p.at])
		default:
			b.WriteByte(c)
		}
	}
	return "", fmt.Errorf("the last name has no closing %c", quote)
}

func shorten(text string) string {
	if len(text) > 60 {
		return text[:60] + "…"
	}
	return text
}

// word is a class name as prompts write it: lower case, without blanks around.
func word(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// COCO gives the 80 classes of the COCO data set in the order of detectors trained on it.
func COCO() []string { return strings.Split(coco, ",") }

const coco = "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,parking meter,bench," +
	"bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,frisbee,skis,snowboard," +
	"sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup,fork,knife,spoon,bowl," +
	"banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,potted plant,bed,dining table,toilet,tv," +
	"laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,refrigerator,book,clock,vase,scissors,teddy bear," +
	"hair drier,toothbrush"
