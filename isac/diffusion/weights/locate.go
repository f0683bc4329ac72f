package weights

import "fmt"

// Locate says what of which stored tensor it is that src shows under name: Piece.Name is the tensor's in the source at the bottom of all
// renaming. With it one layout can be written as another without computing anything. A part of a part is ErrUnsupported.
func Locate(src Source, name string) (Piece, error) {
	switch s := src.(type) {
	case *view:
		return Locate(s.src, s.to[name])
	case *derived:
		below, err := Locate(s.Source, name)
		p := s.to[name]
		if err == nil && below != (Piece{Name: below.Name}) {
			err = fmt.Errorf("%s: tensor %q is a part of a part: %w", src.Origin(name), name, ErrUnsupported)
		}
		p.Name = below.Name
		return p, err
	case interface{ Below() Source }: // the same names and bytes, other shapes
		return Locate(s.Below(), name)
	}
	return Piece{Name: name}, nil
}
