package mmdit

import (
	"math"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// projections make queries, keys and values of one stream's tokens.
type projections struct {
	q, k, v      layer.Linear
	normQ, normK torch.Tensor // [width of a head], undefined where the model has none
	heads        int64
}

// newProjections loads layers of the names q, k, v, normQ, normK below p.
func newProjections(p *weights.Params, names [5]string, cfg Config) projections {
	s := projections{
		q: layer.NewLinear(p.Sub(names[0]), cfg.Width, cfg.Width), k: layer.NewLinear(p.Sub(names[1]), cfg.Width, cfg.Width),
		v: layer.NewLinear(p.Sub(names[2]), cfg.Width, cfg.Width), heads: cfg.Heads,
	}
	if cfg.QKNorm {
		s.normQ = p.Sub(names[3]).Tensor("weight", cfg.Width/cfg.Heads)
		s.normK = p.Sub(names[4]).Tensor("weight", cfg.Width/cfg.Heads)
	}
	return s
}

// forward maps tokens [B,N,width] to queries, keys and values [B,heads,N,d].
func (s projections) forward(x torch.Tensor) (q, k, v torch.Tensor) {
	q, k = layer.SplitHeads(s.q.Forward(x), s.heads), layer.SplitHeads(s.k.Forward(x), s.heads)
	if s.normQ.Defined() {
		q, k = torch.RMSNorm(q, s.normQ, eps), torch.RMSNorm(k, s.normK, eps)
	}
	return q, k, layer.SplitHeads(s.v.Forward(x), s.heads)
}

// names of the layers of a stream below an attention.
var (
	imageNames = [5]string{"to_q", "to_k", "to_v", "norm_q", "norm_k"}
	textNames  = [5]string{"add_q_proj", "add_k_proj", "add_v_proj", "norm_added_q", "norm_added_k"}
)

// joint is the attention of both streams to both, "attn".
type joint struct {
	name        string // the layer's path, which is its keys' prefix in the checkpoint
	image, text projections
	out, addOut layer.Linear
	last        bool // nothing reads the text's stream after it
}

func newJoint(p *weights.Params, last bool, cfg Config) joint {
	a := joint{
		name: p.Path(), last: last, image: newProjections(p, imageNames, cfg), text: newProjections(p, textNames, cfg),
		out: layer.NewLinear(p.Sub("to_out.0"), cfg.Width, cfg.Width),
	}
	if !last {
		a.addOut = layer.NewLinear(p.Sub("to_add_out"), cfg.Width, cfg.Width)
	}
	return a
}

// forward gives what is added to image tokens x [B,N,width] and to text tokens y [B,L,width], undefined for the last block's text; both
// are where nothing but its record is wanted.
func (a joint) forward(x, y torch.Tensor, at place, r *attention.Recorder) (image, text torch.Tensor) {
	q, k, v := a.image.forward(x)
	tq, tk, tv := a.text.forward(y)
	k = torch.Cat([]torch.Tensor{k, tk}, 2)
	if r.On() {
		r.Add(at.tap(a.name, q, k, append(attention.Self(at.rows, at.columns), at.text...)))
	}
	if r.Done() {
		return torch.Tensor{}, torch.Tensor{}
	}
	n := q.Size(2)
	all, values := q, torch.Cat([]torch.Tensor{v, tv}, 2)
	if !a.last { // the last block's text asks nothing
		all = torch.Cat([]torch.Tensor{q, tq}, 2)
	}
	h := layer.JoinHeads(torch.SDPA(all, k, values, torch.Tensor{}, false, 0))
	if a.last {
		return a.out.Forward(h), torch.Tensor{}
	}
	return a.out.Forward(h.Narrow(1, 0, n)), a.addOut.Forward(h.Narrow(1, n, h.Size(1)-n))
}

// single is the attention of the image to itself, "attn2".
type single struct {
	name  string
	image projections
	out   layer.Linear
}

func newSingle(p *weights.Params, cfg Config) single {
	return single{name: p.Path(), image: newProjections(p, imageNames, cfg), out: layer.NewLinear(p.Sub("to_out.0"), cfg.Width, cfg.Width)}
}

// forward gives what is added to image tokens x [B,N,width]; undefined where nothing but its record is wanted.
func (a single) forward(x torch.Tensor, at place, r *attention.Recorder) torch.Tensor {
	q, k, v := a.image.forward(x)
	if r.On() {
		t := at.tap(a.name, q, k, attention.Self(at.rows, at.columns))
		t.Auxiliary = true
		r.Add(t)
	}
	if r.Done() {
		return torch.Tensor{}
	}
	return a.out.Forward(layer.JoinHeads(torch.SDPA(q, k, v, torch.Tensor{}, false, 0)))
}

// place tells where the tokens of one evaluation lie: the image's grid, and the segments of the text.
type place struct {
	rows, columns int
	text          []attention.Segment
}

func (at place) tap(name string, q, k torch.Tensor, keys []attention.Segment) attention.Tap {
	return attention.Tap{
		Name: name, Height: at.rows, Width: at.columns, Q: q, K: k, Scale: 1 / math.Sqrt(float64(q.Size(-1))), Keys: keys,
	}
}
