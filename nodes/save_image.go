package nodes

import (
	"context"
	"time"

	"github.com/isac-guidance/isac/nodes/schema"
	"github.com/isac-guidance/isac/plugin/saveprefix"
)

type saveImageInput struct {
	Images *Image `mapstructure:"images" tooltip:"The images to write."`
	Prefix string `mapstructure:"filename_prefix" default:"ComfyUI" tooltip:"How the file names begin; a folder before a slash is a folder below the output folder. %width%, %height%, %batch_num%, %year%, %month%, %day%, %hour%, %minute%, %second%, %date:yyyy-MM-dd% and %Node.widget% are filled in."`
}

// pngMetadata is what ComfyUI fills in by itself, to be written into the pictures.
var pngMetadata = []schema.Hidden{{Name: "prompt", Type: "PROMPT"}, {Name: "extra_pnginfo", Type: "EXTRA_PNGINFO"}}

// saveImage hands images to the host as PNG files, with the workflow in their text chunks.
func saveImage() Node {
	return Define(Meta{
		Class: "SaveImage", DisplayName: "Save Image", Category: "image", OutputNode: true, Hidden: pngMetadata,
		Description: "Writes images to the output folder as PNG files that carry their workflow.",
		Limits:      []schema.Limit{{Input: "filename_prefix", File: true}},
	}, func(ctx context.Context, env *Env, in *saveImageInput) (Result, error) {
		return pngFiles(ctx, env, in.Images, in.Prefix, OutputFile)
	})
}

type previewImageInput struct {
	Images *Image `mapstructure:"images" tooltip:"The images to look at."`
}

// previewImage is saveImage into the folder of files that nobody keeps.
func previewImage() Node {
	return Define(Meta{
		Class: "PreviewImage", DisplayName: "Preview Image", Category: "image", OutputNode: true, Hidden: pngMetadata,
		Description: "Shows images without keeping them.",
	}, func(ctx context.Context, env *Env, in *previewImageInput) (Result, error) {
		return pngFiles(ctx, env, in.Images, "ComfyUI_temp", TempFile)
	})
}

func pngFiles(ctx context.Context, env *Env, images *Image, prefix, kind string) (Result, error) {
	pictures, err := images.pictures()
	if err != nil {
		return Result{}, err
	}
	chunks, err := metadata(env.workflow())
	if err != nil {
		return Result{}, err
	}
	fill := saveprefix.Filling{Now: time.Now(), Widget: readWidgets(env.workflow()).value}
	var result Result
	for i, picture := range pictures {
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		fill.Width, fill.Height = picture.Rect.Dx(), picture.Rect.Dy()
		subfolder, name, err := saveprefix.Place(prefix, fill)
		if err != nil {
			return Result{}, err
		}
		data, err := encodePNG(picture, chunks)
		if err != nil {
			return Result{}, err
		}
		result.Files = append(result.Files, File{Name: saveName(name, i), Subfolder: subfolder, Type: kind, Data: data})
	}
	return result, nil
}
