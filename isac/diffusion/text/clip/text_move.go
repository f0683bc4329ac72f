package clip

import "github.com/isac-guidance/isac/isac/torch"

// Park moves the weights off the device into the machine's memory, and tells how many bytes left; those that another model shares with this
// one stay for that one's Park. They come back when a text is encoded. A model that encodes one just now is left alone, and 0 comes back.
// It may be called from any goroutine.
func (m *TextModel) Park() (int64, error) { return m.params.Park() }

// Held is how many bytes of the weights lie on the device, and how many are away. It may be called from any goroutine.
func (m *TextModel) Held() (device, away int64) { return m.params.Held() }

// Device is where the model computes.
func (m *TextModel) Device() torch.Device { return m.params.Device() }

// Borrow brings the weights back and keeps them until release is called, with layers over them: for what reads them, as encoding a text and
// building another model over them do. It fails where the device has no room.
func (m *TextModel) Borrow() (release func(), err error) {
	if release, err = m.params.Borrow(); err != nil {
		return nil, err
	}
	if m.moves == m.params.Moves() {
		return release, nil
	}
	if err := m.build(); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// mustBorrow is Borrow for those that panic as operations do.
func (m *TextModel) mustBorrow() (release func()) {
	release, err := m.Borrow()
	if err != nil {
		panic(refusal("%v", err))
	}
	return release
}
