package nodes

import (
	"reflect"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/torch"
)

// TestRegionsSayWhatTheirInputsSay holds that each input of the nodes for areas and masks arrives in the conditioning, in all that are combined.
func TestRegionsSayWhatTheirInputsSay(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	both := h.run("ConditioningCombine", map[string]any{"conditioning_1": l.positive, "conditioning_2": l.negative}).Values[0].(*Conditioning)
	if c := both.Encoded; len(c.More) != 1 || c.Prompt != catsAndDog || c.More[0].Prompt != l.negative.(*Conditioning).Encoded.Prompt {
		t.Fatalf("combined: %q and %d more", c.Prompt, len(c.More))
	}
	area := h.run("ConditioningSetArea", map[string]any{"conditioning": both, "width": 72, "height": 80, "x": 8, "y": 16, "strength": 0.5}).Values[0].(*Conditioning)
	share := h.run("ConditioningSetAreaPercentage", map[string]any{"conditioning": both, "width": 0.1, "height": 0.2, "x": 0.3, "y": 0.4, "strength": 0.6}).Values[0].(*Conditioning)
	for _, c := range []struct {
		made *Conditioning
		want diffusion.Region
	}{
		{area, diffusion.Region{Area: &diffusion.Area{Height: 80, Width: 72, Top: 16, Left: 8}, Strength: 0.5, MaskStrength: 1}},
		{share, diffusion.Region{Area: &diffusion.Area{Height: 0.2, Width: 0.1, Top: 0.4, Left: 0.3, Share: true}, Strength: 0.6, MaskStrength: 1}},
	} {
		for _, one := range []diffusion.Conditioning{c.made.Encoded, c.made.Encoded.More[0]} {
			if one.Region == nil || !reflect.DeepEqual(*one.Region, c.want) {
				t.Errorf("region %+v, want %+v", one.Region, c.want)
			}
		}
	}
	var mask *Mask
	do(t, h, func() { mask = newMask(torch.Ones([]int64{1, 4, 4}, torch.Float32, torch.CPU)) })
	defer mask.Close()
	for _, bounds := range []bool{false, true} {
		where := map[bool]string{false: "default", true: "mask bounds"}[bounds]
		first := h.run("ConditioningSetMask", map[string]any{"conditioning": area, "mask": mask, "strength": 0.25, "set_cond_area": where}).Values[0]
		r := h.run("ConditioningSetMask", map[string]any{"conditioning": first, "mask": mask, "strength": 0.75, "set_cond_area": where}).Values[0].(*Conditioning).Encoded.Region
		if !r.Mask.Defined() || r.MaskStrength != 0.75 || r.ToBounds != bounds || r.Strength != 0.5 || r.Area == nil {
			t.Errorf("%s: region %+v", where, r)
		}
	}
	longer := h.run("ConditioningConcat", map[string]any{"conditioning_to": both, "conditioning_from": l.negative}).Values[0].(*Conditioning).Encoded
	if a, b := longer.Hidden.Size(1), l.positive.(*Conditioning).Encoded.Hidden.Size(1); a != 2*b || longer.More[0].Hidden.Size(1) != a {
		t.Errorf("%d positions behind %d", a, b)
	}
}

// TestMasksAndImages goes from one to the other and back.
func TestMasksAndImages(t *testing.T) {
	h := newHost(t)
	var image *Image
	do(t, h, func() { image = newImage(torch.Linspace(0, 1, 24, torch.Float32, torch.CPU).Reshape(1, 2, 4, 3)) })
	defer image.Close()
	pixels := valuesOf(t, h, image.Pixels)
	for i, channel := range []string{"red", "green", "blue"} {
		mask := h.run("ImageToMask", map[string]any{"image": image, "channel": channel}).Values[0].(*Mask)
		got := valuesOf(t, h, mask.Planes)
		for at, v := range got {
			if v != pixels[at*3+i] {
				t.Fatalf("%s at %d is %v, want %v", channel, at, v, pixels[at*3+i])
			}
		}
		back := h.run("MaskToImage", map[string]any{"mask": mask}).Values[0].(*Image)
		if v := valuesOf(t, h, back.Pixels); !slices.Equal(back.Pixels.Shape(), []int64{1, 2, 4, 3}) || v[3] != got[1] || v[5] != got[1] {
			t.Errorf("%s as an image is %v", channel, v)
		}
		if v := valuesOf(t, h, h.run("InvertMask", map[string]any{"mask": mask}).Values[0].(*Mask).Planes); v[2] != 1-got[2] {
			t.Errorf("inverted %s has %v for %v", channel, v[2], got[2])
		}
	}
	if _, err := h.try(t.Context(), "ImageToMask", map[string]any{"image": image, "channel": "alpha"}); err == nil {
		t.Error("images have an alpha channel")
	}
}
