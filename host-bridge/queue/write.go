package queue

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
)

// errForeign: nothing replaces what is not ours.
var errForeign = errors.New("a file of this name is there that somebody else wrote")

// writeDisk writes a file beside its name and then gives it the name. One that somebody else put there is not replaced.
func (d *diskFiles) writeDisk(root *os.Root, folder, name string, value []byte, replace bool) error {
	if folder != "" {
		if err := root.MkdirAll(folder, 0o777); err != nil {
			return err
		}
	}
	at := path.Join(folder, name)
	part := path.Join(folder, unfinishedPrefix+rand.Text()+".part")
	if err := writeSynced(root, part, value); err != nil {
		return errors.Join(err, root.Remove(part))
	}
	if replace {
		return root.Rename(part, at)
	}
	err := root.Link(part, at)
	if errors.Is(err, fs.ErrExist) {
		there, read := root.ReadFile(at)
		_ = root.Remove(part)
		if read == nil && bytes.Equal(there, value) {
			return nil // written before this process was killed
		}
		return errForeign
	}
	if err == nil {
		return root.Remove(part)
	}
	// A file system without hard links.
	if _, stat := root.Lstat(at); errors.Is(stat, fs.ErrNotExist) {
		return root.Rename(part, at)
	}
	return errors.Join(err, root.Remove(part))
}

// writeSynced writes a file that is on the disk when it returns: the store gives up its own copy then.
func writeSynced(root *os.Root, name string, value []byte) error {
	file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = file.Write(value)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
