package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// dataFolders are the folders of --data that hold files of clients and of nodes.
var dataFolders = []string{"output", "input", "temp"}

// checkDataFolders refuses links in the place of the folders of pictures. What is written there stays within the data folder: a link
// would have every picture and upload land where whoever set it points to, and /view show what lies there. The data folder itself may be
// reached by a link, for it was named by hand. Folders that are not there are made later.
func checkDataFolders(data string) error {
	var wrong []error
	for _, name := range dataFolders {
		path := filepath.Join(data, name)
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			wrong = append(wrong, fmt.Errorf("data folder: %w", err))
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			if err != nil {
				to = "somewhere else"
			}
			wrong = append(wrong, fmt.Errorf("%s is a link to %s; expected a folder: remove the link, and mount there what shall lie on another disk, "+
				"or name a folder of that disk with --data", path, to))
		case !info.IsDir():
			wrong = append(wrong, fmt.Errorf("%s is a file; expected a folder: move it away", path))
		}
	}
	return errors.Join(wrong...)
}
