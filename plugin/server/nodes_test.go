package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/nodes"
)

// matrix is the value of type MATRIX: a square float32 tensor [n,n].
type matrix struct {
	once   sync.Once
	tensor torch.Tensor
}

func (*matrix) ComfyType() string { return "MATRIX" }
func (m *matrix) Close()          { m.once.Do(m.tensor.Close) }

func newMatrix(t torch.Tensor) *matrix { return &matrix{tensor: t.Keep()} }

// registry has small nodes that do real work: matrices and their largest eigenvalue.
func registry() *nodes.Registry {
	return nodes.NewRegistry(diagonal(), add(), eigenvalue(), echo(), blob(), faulty(), makesBrittle(), prints())
}

type diagonalInput struct {
	Size  int     `mapstructure:"size" default:"4" min:"1" max:"4096"`
	Value float64 `mapstructure:"value" default:"1"`
}

// diagonal makes value·I, whose sum is size·value.
func diagonal() nodes.Node {
	return nodes.Define(nodes.Meta{Class: "Diagonal", Outputs: []nodes.Output{{Type: "MATRIX", Name: "matrix"}}},
		func(_ context.Context, _ *nodes.Env, in *diagonalInput) (nodes.Result, error) {
			n := int64(in.Size)
			full := torch.Full([]int64{n, n}, in.Value, torch.Float32, torch.CPU)
			return nodes.Result{Values: []any{newMatrix(full.Tril(0).Triu(0))}}, nil
		})
}

type addInput struct {
	A *matrix `mapstructure:"a"`
	B *matrix `mapstructure:"b"`
}

func add() nodes.Node {
	return nodes.Define(nodes.Meta{Class: "Add", Outputs: []nodes.Output{{Type: "MATRIX", Name: "matrix"}}},
		func(_ context.Context, _ *nodes.Env, in *addInput) (nodes.Result, error) {
			return nodes.Result{Values: []any{newMatrix(in.A.tensor.Add(in.B.tensor))}}, nil
		})
}

type eigenvalueInput struct {
	Matrix *matrix `mapstructure:"matrix"`
	Steps  int     `mapstructure:"steps" default:"10" min:"1"`
}

// eigenvalue iterates x ← Mx/|Mx| and reports as a sampler does: one evaluation a step, the context looked at between them.
func eigenvalue() nodes.Node {
	meta := nodes.Meta{Class: "Eigenvalue", Outputs: []nodes.Output{{Type: "FLOAT", Name: "value"}, {Type: "MATRIX", Name: "vector"}}}
	return nodes.Define(meta, func(ctx context.Context, env *nodes.Env, in *eigenvalueInput) (nodes.Result, error) {
		n := in.Matrix.tensor.Size(0)
		x := torch.Ones([]int64{n, 1}, torch.Float32, torch.CPU).Keep()
		value := 0.0
		for step := range in.Steps {
			if err := ctx.Err(); err != nil {
				x.Close()
				return nodes.Result{}, err
			}
			next := torch.Scoped(func() torch.Tensor {
				y := in.Matrix.tensor.Matmul(x)
				value = y.NormAll().Item()
				return y.DivScalar(value)
			}).Keep()
			x.Close()
			x = next
			env.Progress(step+1, in.Steps)
			env.Step(map[string]any{"index": step, "value": value})
			if env.Preview != nil {
				env.Preview("png", []byte("\x89PNG"))
			}
		}
		return nodes.Result{Values: []any{value, &matrix{tensor: x}}}, nil
	})
}

type echoInput struct {
	Text string `mapstructure:"text"`
	Seed uint64 `mapstructure:"seed" optional:"true" default:"0" min:"0" max:"18446744073709551615"`
}

func echo() nodes.Node {
	meta := nodes.Meta{Class: "Echo", OutputNode: true, Outputs: []nodes.Output{{Type: "STRING", Name: "text"}, {Type: "INT", Name: "seed"}}}
	return nodes.Define(meta, func(_ context.Context, env *nodes.Env, in *echoInput) (nodes.Result, error) {
		return nodes.Result{Values: []any{in.Text, in.Seed}, UI: map[string]any{"text": []string{string(env.Workflow)}}}, nil
	})
}

type blobInput struct {
	Bytes int `mapstructure:"bytes" default:"1"`
	Files int `mapstructure:"files" default:"1"`
}

// blob makes files whose bytes are the file's number.
func blob() nodes.Node {
	return nodes.Define(nodes.Meta{Class: "Blob", OutputNode: true}, func(_ context.Context, _ *nodes.Env, in *blobInput) (nodes.Result, error) {
		var result nodes.Result
		for i := range in.Files {
			result.Files = append(result.Files, nodes.File{
				Name: fmt.Sprintf("blob-%d.bin", i), Subfolder: "blobs", Type: nodes.OutputFile, Data: bytes.Repeat([]byte{byte(i)}, in.Bytes),
			})
		}
		return result, nil
	})
}

type faultyInput struct {
	How string `mapstructure:"how"`
}

// faulty fails in every way in which a node can.
func faulty() nodes.Node {
	return nodes.Define(nodes.Meta{Class: "Faulty", OutputNode: true}, func(_ context.Context, _ *nodes.Env, in *faultyInput) (nodes.Result, error) {
		switch in.How {
		case "panic":
			none := make([]int, 0)
			return nodes.Result{Values: []any{none[len(in.How)]}}, nil
		case "goroutine":
			// Nothing can recover this one: the process dies, as of a fault in C.
			go func() { panic("lost in a goroutine") }()
			time.Sleep(time.Minute)
		case "shapes":
			torch.Ones([]int64{3, 4}, torch.Float32, torch.CPU).Matmul(torch.Ones([]int64{5, 6}, torch.Float32, torch.CPU))
		case "memory":
			// More than any address space has: a kernel that overcommits would grant less, and the ones fill the machine.
			torch.Ones([]int64{1 << 60}, torch.Float32, torch.CPU)
		case "file":
			_, err := os.ReadFile("/no/such/model.safetensors")
			return nodes.Result{}, err
		}
		return nodes.Result{}, errors.New("no such fault")
	})
}

// brittle is a value that cannot be closed.
type brittle struct{}

func (brittle) ComfyType() string { return "BRITTLE" }
func (brittle) Close()            { panic("cannot be closed") }

func makesBrittle() nodes.Node {
	return nodes.Define(nodes.Meta{Class: "Brittle", Outputs: []nodes.Output{{Type: "BRITTLE", Name: "value"}}},
		func(context.Context, *nodes.Env, *struct{}) (nodes.Result, error) {
			return nodes.Result{Values: []any{brittle{}}}, nil
		})
}

type printsInput struct {
	Bytes int `mapstructure:"bytes"`
}

// prints prints as C code does, to file descriptor 1, and as Go code does.
func prints() nodes.Node {
	return nodes.Define(nodes.Meta{Class: "Prints", OutputNode: true}, func(ctx context.Context, _ *nodes.Env, in *printsInput) (nodes.Result, error) {
		line := bytes.Repeat([]byte("x"), 99)
		line = append(line, '\n')
		for range in.Bytes / len(line) {
			if _, err := syscall.Write(1, line); err != nil {
				return nodes.Result{}, err
			}
			fmt.Print(string(line))
		}
		// A host that does not read would have stopped this node.
		return nodes.Result{}, context.Cause(ctx)
	})
}
