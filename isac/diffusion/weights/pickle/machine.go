package pickle

import (
	"fmt"
	"slices"
)

// machine runs the instructions of a pickle that make values, and no others.
type machine struct {
	in    *input
	stack []any
	marks []int
	memo  map[int64]any
	made  int
	// load gives the storage that a persistent id stands for.
	load func(id []any) (*storage, error)
}

// value runs one pickle and gives what it makes.
func (m *machine) value() (any, error) {
	m.stack, m.marks, m.memo = nil, nil, map[int64]any{}
	m.in.again()
	for {
		code, err := m.in.bytes(1)
		if err != nil {
			return nil, err
		}
		if code[0] == '.' {
			if len(m.stack) != 1 {
				return nil, fmt.Errorf("the pickle ends with %d values, expected one: %w", len(m.stack), ErrBroken)
			}
			return m.stack[0], nil
		}
		run := instructions[code[0]]
		if run == nil {
			return nil, fmt.Errorf("its pickle has the instruction %#02x, which checkpoints do not have: %w", code[0], ErrRefused)
		}
		if err := run(m); err != nil {
			return nil, err
		}
	}
}

// charge counts values, of which there may not be too many.
func (m *machine) charge(n int) error {
	if m.made += n; m.made > maxValues {
		return fmt.Errorf("its pickle makes more than %d values: %w", maxValues, ErrRefused)
	}
	return nil
}

func (m *machine) push(v any) error {
	m.stack = append(m.stack, v)
	return m.charge(1)
}

func (m *machine) pop() (any, error) {
	n := len(m.stack)
	if n == 0 || len(m.marks) > 0 && m.marks[len(m.marks)-1] == n {
		return nil, fmt.Errorf("its pickle takes a value where there is none: %w", ErrBroken)
	}
	v := m.stack[n-1]
	m.stack = m.stack[:n-1]
	return v, nil
}

func (m *machine) top() (any, error) {
	v, err := m.pop()
	if err == nil {
		m.stack = append(m.stack, v)
	}
	return v, err
}

// popMark gives the values since the last mark.
func (m *machine) popMark() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, fmt.Errorf("its pickle goes back to a mark where there is none: %w", ErrBroken)
	}
	from := m.marks[len(m.marks)-1]
	m.marks = m.marks[:len(m.marks)-1]
	values := slices.Clone(m.stack[from:])
	m.stack = m.stack[:from]
	return values, nil
}

func (m *machine) popMany(n int) ([]any, error) {
	values := make([]any, n)
	for i := n - 1; i >= 0; i-- {
		v, err := m.pop()
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

// name puts a global on the stack, if it is a known one.
func (m *machine) name(module, name string) error {
	g := global{module, name}
	if !g.known() {
		return fmt.Errorf("its pickle asks for %q, which is nothing that a checkpoint needs and could do anything where it is run; nothing was run: %w", g.String(), ErrRefused)
	}
	return m.push(g)
}

// reduce makes a value of a class or a function and its arguments.
func (m *machine) reduce(made, given any) error {
	g, ok := made.(global)
	args, is := items(given)
	if !ok || !is {
		return fmt.Errorf("its pickle calls %s with %s: %w", kindOf(made), kindOf(given), ErrBroken)
	}
	if g == (global{"torch._tensor", "_rebuild_from_type_v2"}) && len(args) >= 3 { // (function, class, arguments, state)
		if inner, ok := args[0].(global); ok && makers[inner] != nil {
			return m.reduce(inner, args[2])
		}
	}
	if len(args) > 0 {
		if of, ok := items(args[0]); ok {
			if err := m.charge(len(of)); err != nil {
				return err
			}
		}
	}
	if maker := makers[g]; maker != nil {
		v, err := maker(args)
		if err != nil {
			return err
		}
		return m.push(v)
	}
	if !g.harmless() {
		return fmt.Errorf("its pickle calls %q: %w", g.String(), ErrRefused)
	}
	return m.push(&object{g})
}

// appendTo adds values to what takes some: objects forget them.
func appendTo(to any, values []any) error {
	switch to := to.(type) {
	case *list:
		to.items = append(to.items, values...)
	case *object:
	default:
		return fmt.Errorf("its pickle adds to %s: %w", kindOf(to), ErrBroken)
	}
	return nil
}

// setIn puts keys and values in turn into what takes some.
func setIn(to any, pairs []any) error {
	d, ok := to.(*dict)
	if _, forgets := to.(*object); forgets {
		return nil
	}
	if !ok || len(pairs)%2 != 0 {
		return fmt.Errorf("its pickle puts %d values into %s: %w", len(pairs), kindOf(to), ErrBroken)
	}
	for i := 0; i < len(pairs); i += 2 {
		d.set(pairs[i], pairs[i+1])
	}
	return nil
}
