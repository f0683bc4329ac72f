package store

import (
	"encoding/binary"
	"hash/crc32"
)

// An entry of the journal is a head of headBytes and then the key and the value. All numbers are little-endian:
//
//	bytes of the key | bytes of the value, or deletion | checksum of key and value | checksum of the seed, the place and the head before
//
// The place is the entry's offset in the file: an entry that stands elsewhere than it was written is damage too. The seed is the file's
// own: what lay on the disk before it is not taken for a part of it.

const (
	headBytes = 16
	// deletion stands in place of the size of a value.
	deletion = ^uint32(0)
	// maxValue bounds one value, in bytes.
	maxValue = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// entry is what is to be written; value nil is a deletion.
type entry struct {
	key   string
	value []byte
}

// head is the fixed part of an entry.
type head struct {
	key, value, payload uint32
}

// bytes of the whole entry.
func (h head) bytes() int64 { return headBytes + int64(h.key) + int64(h.size()) }

// size of the value; 0 for a deletion.
func (h head) size() uint32 {
	if h.value == deletion {
		return 0
	}
	return h.value
}

func (h head) encode(seed uint64, at int64) []byte {
	b := make([]byte, 0, headBytes)
	b = binary.LittleEndian.AppendUint32(b, h.key)
	b = binary.LittleEndian.AppendUint32(b, h.value)
	b = binary.LittleEndian.AppendUint32(b, h.payload)
	return binary.LittleEndian.AppendUint32(b, headSum(b, seed, at))
}

func headSum(b []byte, seed uint64, at int64) uint32 {
	place := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, seed), uint64(at))
	return crc32.Update(crc32.Checksum(place, castagnoli), castagnoli, b[:headBytes-4])
}

// decodeHead says whether b is a head that was written at this place of the file.
func decodeHead(b []byte, seed uint64, at int64) (head, bool) {
	h := head{binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:])}
	return h, binary.LittleEndian.Uint32(b[12:]) == headSum(b, seed, at)
}

// encodeEntry makes an entry; value nil is a deletion.
func encodeEntry(seed uint64, at int64, key string, value []byte) []byte {
	h := head{key: uint32(len(key)), value: uint32(len(value)), payload: payloadSum(key, value)}
	if value == nil {
		h.value = deletion
	}
	b := append(make([]byte, 0, h.bytes()), h.encode(seed, at)...)
	return append(append(b, key...), value...)
}

func payloadSum(key string, value []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(key), castagnoli), castagnoli, value)
}

// The file begins with magic, the seed and a checksum of both.
const (
	magic      = "isacldg1"
	startBytes = 20
)

func encodeStart(seed uint64) []byte {
	b := binary.LittleEndian.AppendUint64([]byte(magic), seed)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeStart(b []byte) (seed uint64, ok bool) {
	if len(b) < startBytes || string(b[:len(magic)]) != magic {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b[len(magic):]), binary.LittleEndian.Uint32(b[16:]) == crc32.Checksum(b[:16], castagnoli)
}
