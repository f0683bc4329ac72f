package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
)

// instructions are those that checkpoints have, by their codes (Lib/pickletools.py of Python lists all). What is missing reads values as text,
// which torch.save never wrote, or reaches outside: extensions, buffers, and instances of the oldest kind.
var instructions [256]func(m *machine) error

func init() {
	for code, run := range map[byte]func(m *machine) error{
		'(': func(m *machine) error { m.marks = append(m.marks, len(m.stack)); return m.charge(1) },
		'0': func(m *machine) error { _, err := m.pop(); return err },
		'1': func(m *machine) error { _, err := m.popMark(); return err },
		'2': func(m *machine) error { return m.with(m.top, m.push) },

		'N':  func(m *machine) error { return m.push(nil) },
		0x88: func(m *machine) error { return m.push(true) },
		0x89: func(m *machine) error { return m.push(false) },
		'K':  func(m *machine) error { return m.pushNumber(1) },
		'M':  func(m *machine) error { return m.pushNumber(2) },
		'J':  func(m *machine) error { return m.pushSigned(4) },
		0x8a: func(m *machine) error { return m.pushLong(1) },
		0x8b: func(m *machine) error { return m.pushLong(4) },
		'G':  (*machine).pushFloat,

		'X':  func(m *machine) error { return m.pushText(4) },
		0x8c: func(m *machine) error { return m.pushText(1) },
		0x8d: func(m *machine) error { return m.pushText(8) },
		'U':  func(m *machine) error { return m.pushText(1) }, // texts of Python 2
		'T':  func(m *machine) error { return m.pushText(4) },
		'C':  func(m *machine) error { return m.pushRaw(1) },
		'B':  func(m *machine) error { return m.pushRaw(4) },
		0x8e: func(m *machine) error { return m.pushRaw(8) },
		0x96: func(m *machine) error { return m.pushRaw(8) },

		')':  func(m *machine) error { return m.push(&tuple{}) },
		0x85: func(m *machine) error { return m.pushTuple(1) },
		0x86: func(m *machine) error { return m.pushTuple(2) },
		0x87: func(m *machine) error { return m.pushTuple(3) },
		't':  func(m *machine) error { return m.fromMark(func(v []any) any { return &tuple{v} }) },
		']':  func(m *machine) error { return m.push(&list{}) },
		'l':  func(m *machine) error { return m.fromMark(func(v []any) any { return &list{v} }) },
		'}':  func(m *machine) error { return m.push(&dict{}) },
		'd':  (*machine).makeDict,
		0x8f: func(m *machine) error { return m.push(&object{global{"builtins", "set"}}) },
		0x91: func(m *machine) error {
			return m.fromMark(func([]any) any { return &object{global{"builtins", "frozenset"}} })
		},

		'a':  func(m *machine) error { return m.add(1, appendTo) },
		'e':  func(m *machine) error { return m.addMarked(appendTo) },
		0x90: func(m *machine) error { return m.addMarked(appendTo) },
		's':  func(m *machine) error { return m.add(2, setIn) },
		'u':  func(m *machine) error { return m.addMarked(setIn) },

		'q':  func(m *machine) error { return m.keep(1) },
		'r':  func(m *machine) error { return m.keep(4) },
		0x94: (*machine).keepNext,
		'h':  func(m *machine) error { return m.recall(1) },
		'j':  func(m *machine) error { return m.recall(4) },

		'c':  (*machine).pushName,
		0x93: (*machine).pushNameOfStack,
		'R':  func(m *machine) error { return m.call(2) },
		0x81: func(m *machine) error { return m.call(2) },
		0x92: func(m *machine) error { return m.call(3) },
		'b':  func(m *machine) error { _, err := m.popMany(1); return err }, // the state of what is below
		'Q':  (*machine).pushStorage,

		0x80: func(m *machine) error { _, err := m.in.bytes(1); return err },
		0x95: func(m *machine) error { _, err := m.in.number(8); return err },
	} {
		instructions[code] = run
	}
}

func (m *machine) with(from func() (any, error), to func(any) error) error {
	v, err := from()
	if err != nil {
		return err
	}
	return to(v)
}

func (m *machine) pushNumber(width int) error {
	n, err := m.in.number(width)
	if err != nil {
		return err
	}
	return m.push(n)
}

func (m *machine) pushSigned(width int64) error {
	b, err := m.in.bytes(width)
	if err != nil {
		return err
	}
	return m.push(signed(b))
}

// signed reads two's complement, little endian, of at most 8 bytes.
func signed(b []byte) int64 {
	if len(b) == 0 {
		return 0
	}
	var full [8]byte
	if b[len(b)-1]&0x80 != 0 {
		for i := range full {
			full[i] = 0xff
		}
	}
	copy(full[:], b)
	return int64(binary.LittleEndian.Uint64(full[:]))
}

// pushLong reads a whole number of any length. The long ones, seeds and marks of formats, are of no use but to be compared.
func (m *machine) pushLong(width int) error {
	b, err := m.in.counted(width)
	if err != nil {
		return err
	}
	if len(b) > 8 {
		return m.push(raw(b))
	}
	return m.push(signed(b))
}

func (m *machine) pushFloat() error {
	b, err := m.in.bytes(8)
	if err != nil {
		return err
	}
	return m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
}

func (m *machine) pushText(width int) error {
	b, err := m.in.counted(width)
	if err != nil {
		return err
	}
	return m.push(string(b))
}

func (m *machine) pushRaw(width int) error {
	b, err := m.in.counted(width)
	if err != nil {
		return err
	}
	return m.push(raw(b))
}

func (m *machine) pushTuple(n int) error {
	values, err := m.popMany(n)
	if err != nil {
		return err
	}
	return m.push(&tuple{values})
}

func (m *machine) fromMark(of func([]any) any) error {
	values, err := m.popMark()
	if err != nil {
		return err
	}
	return m.push(of(values))
}

func (m *machine) makeDict() error {
	values, err := m.popMark()
	if err != nil {
		return err
	}
	d := &dict{}
	if err := setIn(d, values); err != nil {
		return err
	}
	return m.push(d)
}

// add gives the upper n values to the one below them.
func (m *machine) add(n int, to func(any, []any) error) error {
	values, err := m.popMany(n)
	if err != nil {
		return err
	}
	return m.give(values, to)
}

func (m *machine) addMarked(to func(any, []any) error) error {
	values, err := m.popMark()
	if err != nil {
		return err
	}
	return m.give(values, to)
}

func (m *machine) give(values []any, to func(any, []any) error) error {
	below, err := m.top()
	if err != nil {
		return err
	}
	return to(below, values)
}

func (m *machine) keep(width int) error {
	at, err := m.in.number(width)
	if err != nil {
		return err
	}
	m.memo[at], err = m.top()
	return err
}

func (m *machine) keepNext() (err error) {
	m.memo[int64(len(m.memo))], err = m.top()
	return err
}

func (m *machine) recall(width int) error {
	at, err := m.in.number(width)
	if err != nil {
		return err
	}
	v, ok := m.memo[at]
	if !ok {
		return fmt.Errorf("its pickle recalls value %d, which it never kept: %w", at, ErrBroken)
	}
	return m.push(v)
}

func (m *machine) pushName() error {
	module, err := m.in.line()
	if err != nil {
		return err
	}
	name, err := m.in.line()
	if err != nil {
		return err
	}
	return m.name(module, name)
}

func (m *machine) pushNameOfStack() error {
	values, err := m.popMany(2)
	if err != nil {
		return err
	}
	module, ok := values[0].(string)
	name, named := values[1].(string)
	if !ok || !named {
		return fmt.Errorf("its pickle asks for %s of %s by name: %w", kindOf(values[1]), kindOf(values[0]), ErrBroken)
	}
	return m.name(module, name)
}

// call makes a value of a class: its upper n-1 values are arguments, by place and by name.
func (m *machine) call(n int) error {
	values, err := m.popMany(n)
	if err != nil {
		return err
	}
	return m.reduce(values[0], values[1])
}

func (m *machine) pushStorage() error {
	id, err := m.pop()
	if err != nil {
		return err
	}
	parts, _ := items(id)
	s, err := m.load(parts)
	if err != nil {
		return err
	}
	return m.push(s)
}
