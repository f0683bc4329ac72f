package mmdit

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// patches turns a latent into tokens, a square of Patch×Patch pixels each, and tokens back into a latent.
type patches struct {
	proj      layer.Conv
	positions torch.Tensor // [1,Positions²,Width]
	side      int64        // Positions
	size      int64        // Patch
}

func newPatches(p *weights.Params, cfg Config) patches {
	return patches{
		proj:      layer.NewConv(p.Sub("proj"), cfg.InChannels, cfg.Width, cfg.Patch, cfg.Patch, 0),
		positions: p.Tensor("pos_embed", 1, cfg.Positions*cfg.Positions, cfg.Width), side: cfg.Positions, size: cfg.Patch,
	}
}

// grid is how many patches cover an image of height×width latent pixels. The error says that it is too large.
func (p patches) grid(height, width int64) (rows, columns int64, err error) {
	rows, columns = (height+p.size-1)/p.size, (width+p.size-1)/p.size
	if rows > p.side || columns > p.side {
		err = fmt.Errorf("a latent of %d×%d pixels takes %d×%d patches, the model has positions for %d×%d: make the image smaller",
			height, width, rows, columns, p.side, p.side)
	}
	return rows, columns, err
}

// forward maps x [B,InChannels,H,W] to tokens [B,rows·columns,Width] in row-major order, with the embeddings of the positions in the
// middle of the model's square. Where the patch does not divide a side, the image goes on with its other end, as in ComfyUI.
func (p patches) forward(x torch.Tensor, rows, columns int64) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		s := x.Shape()
		if below, right := rows*p.size-s[2], columns*p.size-s[3]; below > 0 || right > 0 {
			x = torch.Pad(x, []int64{0, right, 0, below}, "circular", 0)
		}
		tokens := p.proj.Forward(x).Flatten(2, 3).Transpose(1, 2)
		square := p.positions.Reshape(1, p.side, p.side, -1)
		middle := square.Narrow(1, (p.side-rows)/2, rows).Narrow(2, (p.side-columns)/2, columns)
		return tokens.Add(middle.Reshape(1, rows*columns, -1))
	})
}

// back maps tokens [B,rows·columns,Patch²·C] to an image [B,C,height,width], cutting off what forward added.
func (p patches) back(tokens torch.Tensor, rows, columns, height, width int64) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		s := tokens.Shape()
		channels := s[2] / (p.size * p.size)
		image := tokens.Reshape(s[0], rows, columns, p.size, p.size, channels).Permute(0, 5, 1, 3, 2, 4)
		image = image.Reshape(s[0], channels, rows*p.size, columns*p.size)
		return image.Narrow(2, 0, height).Narrow(3, 0, width).Contiguous()
	})
}
