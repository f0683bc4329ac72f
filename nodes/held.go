package nodes

import "sync"

// held gives a value a Close that frees once, whichever goroutine calls it how often.
type held struct {
	once sync.Once
	free func()
}

// Close frees what the value holds. A second Close does nothing. It must not run while a node uses the value.
func (h *held) Close() {
	h.once.Do(func() {
		if h.free != nil {
			h.free()
		}
	})
}
