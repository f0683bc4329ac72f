package nodes

import (
	"context"
	"fmt"

	"github.com/isac-guidance/isac/isac/torch"
)

type loadImageInput struct {
	Image string `mapstructure:"image" combo:"@" input_files:"image" image_upload:"true" tooltip:"A picture in the input folder: PNG, JPEG, WebP, GIF or BMP."`
}

// loadImage reads a picture that a client uploaded.
func loadImage() Node {
	return Define(Meta{
		Class: "LoadImage", DisplayName: "Load Image", Category: "image",
		Description: "Reads a picture from the input folder, upright; of an animation the first frame.",
		Outputs: []Output{
			{Type: "IMAGE", Name: "IMAGE", Tooltip: "The picture, without its alpha."},
			{Type: "MASK", Name: "MASK", Tooltip: "1 where the picture is transparent; 64×64 pixels of 0 where it has no alpha."},
		},
	}, func(_ context.Context, env *Env, in *loadImageInput) (Result, error) {
		p, err := env.picture("image", in.Image)
		if err != nil {
			return Result{}, err
		}
		return Result{Values: []any{p.image(), p.mask("alpha")}}, nil
	})
}

type loadMaskInput struct {
	Image   string `mapstructure:"image" combo:"@" input_files:"any" image_upload:"true" tooltip:"A picture in the input folder: PNG, JPEG, WebP, GIF or BMP."`
	Channel string `mapstructure:"channel" combo:"alpha,red,green,blue" tooltip:"Which channel becomes the mask. Of alpha it is 1 where the picture is transparent."`
}

// loadImageMask reads a channel of a picture as a mask.
func loadImageMask() Node {
	return Define(Meta{
		Class: "LoadImageMask", DisplayName: "Load Image (as Mask)", Category: "mask",
		Description: "Reads one channel of a picture in the input folder as a mask.",
		Outputs:     []Output{{Type: "MASK", Name: "MASK", Tooltip: "The channel."}},
	}, func(_ context.Context, env *Env, in *loadMaskInput) (Result, error) {
		p, err := env.picture("image", in.Image)
		if err != nil {
			return Result{}, err
		}
		p.alpha = true // one that is not there counts as opaque, at the picture's size
		return Result{Values: []any{p.mask(in.Channel)}}, nil
	})
}

// file is the content of the file that an input names.
func (e *Env) file(input, name string) ([]byte, error) {
	if e != nil {
		if data, ok := e.Files[input]; ok {
			return data, nil
		}
	}
	return nil, fmt.Errorf("input %q: the host did not send the file %q: it reads files of its input folder for nodes, since this version of the contract; use host and plugin of one release", input, name)
}

func (e *Env) picture(input, name string) (pictureFile, error) {
	data, err := e.file(input, name)
	if err != nil {
		return pictureFile{}, err
	}
	return readPicture(name, data, e.maxMemory())
}

// image is the picture's colours, [1,H,W,3].
func (p pictureFile) image() *Image {
	data := make([]float32, 0, len(p.Pix)/4*3)
	for i := 0; i < len(p.Pix); i += 4 {
		data = append(data, float32(p.Pix[i])/255, float32(p.Pix[i+1])/255, float32(p.Pix[i+2])/255)
	}
	return newImage(torch.FromFloat32s(data, 1, int64(p.Rect.Dy()), int64(p.Rect.Dx()), 3))
}

// noMask is the side of the mask that ComfyUI gives where a picture has no alpha.
const noMask = 64

// mask is one channel, [1,H,W]; alpha as 1 where it is transparent.
func (p pictureFile) mask(channel string) *Mask {
	offset := map[string]int{"red": 0, "green": 1, "blue": 2, "alpha": 3}[channel]
	if offset == 3 && !p.alpha {
		return newMask(torch.Zeros([]int64{1, noMask, noMask}, torch.Float32, torch.CPU))
	}
	data := make([]float32, 0, len(p.Pix)/4)
	for i := offset; i < len(p.Pix); i += 4 {
		v := float32(p.Pix[i]) / 255
		if offset == 3 {
			v = 1 - v
		}
		data = append(data, v)
	}
	return newMask(torch.FromFloat32s(data, 1, int64(p.Rect.Dy()), int64(p.Rect.Dx())))
}
