package nodes

import (
	"bytes"
	"encoding/binary"
	"image"
)

// orientation is the EXIF orientation of an image file, 1 to 8; 1, which is upright, where it says none.
func orientation(format string, data []byte) int {
	var exif []byte
	switch format {
	case "jpeg":
		exif = jpegExif(data)
	case "png":
		exif = chunk(data, 8, binary.BigEndian, true, "eXIf")
	case "webp":
		exif = chunk(data, 12, binary.LittleEndian, false, "EXIF")
	}
	return exifOrientation(bytes.TrimPrefix(exif, []byte("Exif\x00\x00")))
}

// jpegExif is the content of a JPEG file's EXIF segment.
func jpegExif(data []byte) []byte {
	const (
		startOfScan = 0xDA
		app1        = 0xE1
	)
	for at := 2; at+4 <= len(data) && data[at] == 0xFF && data[at+1] != startOfScan; {
		end := at + 2 + int(binary.BigEndian.Uint16(data[at+2:]))
		if end > len(data) {
			return nil
		}
		if body := data[min(at+4, end):end]; data[at+1] == app1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")) {
			return body
		}
		at = end
	}
	return nil
}

// chunk is the content of a named chunk of a PNG (length, name, content, check) or RIFF file (name, length, content, padding).
func chunk(data []byte, from int, order binary.ByteOrder, png bool, name string) []byte {
	for at := from; at+8 <= len(data); {
		length, found := order.Uint32(data[at+4:]), string(data[at:at+4])
		if png {
			length, found = order.Uint32(data[at:]), string(data[at+4:at+8])
		}
		if uint64(length) > uint64(len(data)-at-8) {
			return nil
		}
		if found == name {
			return data[at+8 : at+8+int(length)]
		}
		at += 8 + int(length)
		if png {
			at += 4
		} else {
			at += int(length % 2)
		}
	}
	return nil
}

// exifOrientation reads the tag of a TIFF header's first directory.
func exifOrientation(tiff []byte) int {
	const (
		tag   = 0x0112
		entry = 12
	)
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if tiff[0] == 'I' {
		order = binary.LittleEndian
	}
	at := uint64(order.Uint32(tiff[4:]))
	if at+2 > uint64(len(tiff)) {
		return 1
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < entry {
			return 1
		}
		if order.Uint16(entries) == tag {
			if v := int(order.Uint16(entries[8:])); v >= 1 && v <= 8 {
				return v
			}
			return 1
		}
		entries = entries[entry:]
	}
	return 1
}

// upright turns and mirrors a picture as its orientation says.
func upright(p *image.NRGBA, orientation int) *image.NRGBA {
	if orientation == 1 {
		return p
	}
	w, h := p.Rect.Dx(), p.Rect.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	if orientation >= 5 {
		out = image.NewNRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			left, top := x, y
			switch orientation {
			case 2:
				left = w - 1 - x
			case 3:
				left, top = w-1-x, h-1-y
			case 4:
				top = h - 1 - y
			case 5:
				left, top = y, x
			case 6:
				left, top = h-1-y, x
			case 7:
				left, top = h-1-y, w-1-x
			case 8:
				left, top = y, w-1-x
			}
			out.SetNRGBA(left, top, p.NRGBAAt(x, y))
		}
	}
	return out
}
