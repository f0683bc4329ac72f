package isacpb_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/isac-guidance/isac/plugin/isacpb"
)

// The committed Go code says what isac.proto says.
func TestGeneratedCodeIsCurrent(t *testing.T) {
	if _, err := exec.LookPath("protoc"); err != nil {
		t.Skip("protoc is not installed")
	}
	path := filepath.Join(t.TempDir(), "set")
	if out, err := exec.Command("protoc", "-I", "..", "--descriptor_set_out="+path, "isac.proto").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	if compiled := protodesc.ToFileDescriptorProto(isacpb.File_isac_proto); !proto.Equal(compiled, set.File[0]) {
		t.Error("isac.proto was changed after the Go code was made: run go generate ./plugin/isacpb")
	}
}
