package plugin

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"

	"github.com/isac-guidance/isac/plugin/isacpb"
)

const (
	// SharedPrefix begins the names of files in which hosts share latents with the plugin.
	SharedPrefix = "latents-"
	// sharedFrom is the size from which a file is faster than a message.
	sharedFrom = 1 << 20
)

// exchange is the file in which a session's host and plugin hand large latents to each other. Where it cannot be made they travel in
// messages.
type exchange struct {
	folder string
	file   *os.File
}

// send gives the tensor as a request has it: with its elements in the file where that is worth it.
func (e *exchange) send(t Tensor) *isacpb.Tensor {
	if e.folder == "" || len(t.Data) < sharedFrom {
		return t.toProto()
	}
	if err := e.put(t.Data); err != nil {
		e.close() // full, say: the session does without from here on
		return t.toProto()
	}
	return &isacpb.Tensor{Dtype: isacpb.DType(t.DType), Shape: t.Shape, Shared: filepath.Base(e.file.Name())}
}

func (e *exchange) put(data []byte) (err error) {
	if e.file == nil {
		e.file, err = os.OpenFile(filepath.Join(e.folder, SharedPrefix+rand.Text()), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
	}
	if err := e.file.Truncate(int64(len(data))); err != nil {
		return err
	}
	_, err = e.file.WriteAt(data, 0)
	return err
}

// receive gives the tensor of an answer, whose elements may be in the file; size is that of the request's.
func (e *exchange) receive(p *isacpb.Tensor, size int) (Tensor, error) {
	t := tensorFromProto(p)
	if p.GetShared() == "" {
		return t, nil
	}
	if e.file == nil || filepath.Base(e.file.Name()) != p.Shared {
		return Tensor{}, fmt.Errorf("the plugin's answer is in a file %q that is not this session's", p.Shared)
	}
	t.Data = make([]byte, size)
	if _, err := e.file.ReadAt(t.Data, 0); err != nil {
		return Tensor{}, fmt.Errorf("the plugin's answer: %w", err)
	}
	return t, nil
}

// close removes the file, and lets none be made again. Should the host die without, it goes with the folder, which whoever outlives the other removes.
func (e *exchange) close() {
	e.folder = ""
	if e.file != nil {
		// Nothing to tell: the folder is removed with all that is in it.
		_ = e.file.Close()
		_ = os.Remove(e.file.Name())
		e.file = nil
	}
}
