package upscale

import (
	"context"
	"errors"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// Model is an upscaling network with its weights, in float32.
type Model struct {
	params  *weights.Params
	network network
}

// network is one form.
type network interface {
	// scale is how many times larger pictures get, channels are those of a picture, multiple is what its sides have to divide by.
	scale() int64
	channels() int64
	multiple() int64
	// widest is about how many channels of 32 bits live at once for each pixel that comes in.
	widest() float64
	// forward maps [1,C,H,W] to [1,C,scale·H,scale·W].
	forward(x torch.Tensor) torch.Tensor
}

// Load reads a network from a file: RRDBNet under the names of ESRGAN's two releases and of Real-ESRGAN, or SRVGG; how often it doubles, how
// many blocks and channels it has its tensors tell. Any other network is weights.ErrUnsupported, by its name where it is known; the error lists
// everything that is wrong with the file.
func Load(path string, device torch.Device) (*Model, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	src, form := recognise(f)
	if form == unknown {
		return nil, fmt.Errorf("%s: %s; expected ESRGAN, Real-ESRGAN or what has their form (RRDBNet, SRVGG): %w", path, describe(f), weights.ErrUnsupported)
	}
	m := &Model{params: weights.NewParams(src, torch.Float32, device)}
	err = torch.InScope(func() error {
		if form == dense {
			m.network = newDense(m.params)
		} else {
			m.network = newCompact(m.params)
		}
		return nil
	})
	if unused := m.params.Unused(); err == nil && m.params.Err() == nil && len(unused) > 0 {
		m.params.Fail(fmt.Errorf("%d tensors that such a network does not have, %q first: %w", len(unused), unused[0], weights.ErrUnsupported))
	}
	if err = errors.Join(err, m.params.Err()); err == nil && (m.network.channels() != pictureChannels || m.network.scale() < 1) {
		err = fmt.Errorf("pictures of %d channels, made %d times larger: expected %d channels (RGB): %w", m.network.channels(), m.network.scale(), pictureChannels, weights.ErrUnsupported)
	}
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// pictureChannels are red, green and blue.
const pictureChannels = 3

// Close frees the weights.
func (m *Model) Close() { m.params.Close() }

// Scale is how many times larger pictures get, along each side.
func (m *Model) Scale() int { return int(m.network.scale()) }

// tile upscales one tile [1,3,H,W] to [1,3,s·H,s·W] within 0..1. Sides that the network cannot take are filled up by reflection, at least
// two pixels where it works on blocks of them.
func (m *Model) tile(x torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		h, w, s := x.Size(2), x.Size(3), m.network.scale()
		up := func(n int64) int64 {
			if _, dense := m.network.(*rrdb); dense {
				n = max(n, 2)
			}
			k := m.network.multiple()
			return (n + k - 1) / k * k
		}
		for down, across := up(h)-h, up(w)-w; down > 0 || across > 0; { // by reflection as far as there are pixels, then by the last one
			d, a := min(down, x.Size(2)-1), min(across, x.Size(3)-1)
			if d == 0 && a == 0 {
				x = torch.Pad(x, []int64{0, across, 0, down}, "replicate", 0)
				break
			}
			x = torch.Pad(x, []int64{0, a, 0, d}, "reflect", 0)
			down, across = down-d, across-a
			if down > 0 || across > 0 {
				x = torch.Pad(x, []int64{0, across, 0, down}, "replicate", 0)
				break
			}
		}
		return m.network.forward(x).Clamp(0, 1).Narrow(2, 0, s*h).Narrow(3, 0, s*w)
	})
}

// Upscale makes pictures [B,3,H,W], 0..1, larger: [B,3,s·H,s·W], float32, on the CPU, for the caller's scope. They are worked on in tiles of
// up to Tile pixels a side, of half as many where memory runs out; progress, which may be nil, is told after each. It ends with ctx's error
// once ctx is done.
func (m *Model) Upscale(ctx context.Context, x torch.Tensor, progress func(done, all int)) (torch.Tensor, error) {
	if s := x.Shape(); len(s) != 4 || s[1] != pictureChannels || x.Numel() == 0 {
		return torch.Tensor{}, fmt.Errorf("upscale: pictures of shape %v, expected [B %d H W]", x.Shape(), pictureChannels)
	}
	for side := int64(Tile); ; side /= 2 {
		var out torch.Tensor
		err := torch.Try(func() (err error) {
			torch.NoGrad(func() { out, err = m.tiled(ctx, x, side, progress) })
			return err
		})
		if err == nil {
			return out, nil
		}
		if !torch.IsOutOfMemory(err) || side/2 < leastTile {
			return torch.Tensor{}, fmt.Errorf("upscale: %w", err)
		}
		torch.EmptyCache(m.params.Device())
	}
}
