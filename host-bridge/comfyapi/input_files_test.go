package comfyapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestInputFiles holds that an upload is a choice of the nodes that name files, in the entry's own order, and that a workflow with one that
// is not there is refused in ComfyUI's words.
func TestInputFiles(t *testing.T) {
	q := openReal(t)
	q.nodes["LoadImage"] = json.RawMessage(`{"input":{"required":{"z":["INT",{}],"image":[[],{"image_upload":true,"input_files":"image"}],"a":["INT",{}]},` +
		`"optional":{"latent":[[],{"input_files":"latent"}]}},"input_order":{"required":["z","image","a"]},"output":["IMAGE"],"output_is_list":[false],"output_name":["IMAGE"],"name":"LoadImage",` +
		`"display_name":"Load Image","description":"","python_module":"nodes","category":"image","output_node":true}`)
	_, web := start(t, q)
	upload := func(name, folder string) {
		t.Helper()
		body, kind := form(t, "content", name, "subfolder", folder)
		if status, _, text := call(t, "POST", web.URL+"/upload/image", body, "Content-Type", kind); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
	}
	upload("cat.png", "")
	upload("b.webp", "")
	upload("notes.txt", "")
	upload("x.latent", "")
	upload("dog.png", "pets")
	for _, path := range []string{"/object_info", "/object_info/LoadImage"} {
		_, _, text := call(t, "GET", web.URL+path, "")
		if want := `{"z":["INT",{}],"image":[["b.webp","cat.png"],{"image_upload":true,"input_files":"image"}],"a":["INT",{}]}`; !strings.Contains(text, want) {
			t.Errorf("%s has no %s in %s", path, want, text)
		}
		if want := `"latent":[["x.latent"],`; !strings.Contains(text, want) {
			t.Errorf("%s has no %s", path, want)
		}
	}
	for name, fits := range map[string]bool{"cat.png": true, "pets/dog.png": true, "cat.png [input]": true, "cat.png [output]": false, "none.png": false, "../cat.png": false} {
		body := fmt.Sprintf(`{"prompt":{"1":{"class_type":"LoadImage","inputs":{"image":%q,"a":1,"z":1}}}}`, name)
		status, _, text := call(t, "POST", web.URL+"/prompt", body)
		if (status == 200) != fits {
			t.Errorf("%s: %d %s", name, status, text)
		}
		if !fits && (!strings.Contains(text, "custom_validation_failed") || !strings.Contains(text, "image - Invalid image file: "+name)) {
			t.Errorf("%s: %s", name, text)
		}
	}
}
