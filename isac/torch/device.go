package torch

/*
#include "isac_call.h"
#cgo nocallback isac_info
#cgo nocallback isac_set_threads
#cgo nocallback isac_get_memory
#cgo nocallback isac_empty_cache
#cgo nocallback isac_reset_peak
#cgo nocallback isac_synchronize
*/
import "C"

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unsafe"
)

// Info describes the loaded library and the machine.
type Info struct {
	Library   string // path of libisactorch.so
	LibTorch  string // path of the libtorch behind it
	Version   string // libtorch's version that the library was built with
	ABI       string // the number that both sides agree on
	Config    string // libtorch's own description: BLAS, OpenMP, instruction sets
	Threads   int    // threads of one operation on the CPU
	CUDABuilt bool   // libtorch has CUDA kernels
	Devices   []DeviceInfo
}

// DeviceInfo describes one device; bytes.
type DeviceInfo struct {
	Device      Device
	Name        string
	Total, Free int64
	// Capability is a GPU's compute capability times ten: 80 is Ampere. 0 is the CPU's, or not known.
	Capability int
}

// GetInfo describes the loaded library and the machine. The CPU is the first device. It panics with *Error as operations do.
func GetInfo() Info {
	ensure()
	r := C.isac_info()
	check(r.err)
	defer C.free(unsafe.Pointer(r.value))
	var raw struct {
		Torch     string   `json:"torch"`
		LibTorch  string   `json:"libtorch"`
		Config    string   `json:"config"`
		Threads   int      `json:"threads"`
		CUDABuilt bool     `json:"cuda_built"`
		CUDA      []string `json:"cuda"`
		Capable   []int    `json:"capability"`
	}
	if err := json.Unmarshal([]byte(C.GoString(r.value)), &raw); err != nil {
		fail(KindInternal, "info", "cannot read the library's description: %v", err)
	}
	info := Info{
		Library: loadPath, LibTorch: raw.LibTorch, Version: raw.Torch, ABI: fmt.Sprintf("%016x", uint64(C.ISAC_TORCH_ABI)),
		Config: strings.TrimSpace(raw.Config), Threads: raw.Threads, CUDABuilt: raw.CUDABuilt,
	}
	cpu := MemoryStats(CPU)
	info.Devices = append(info.Devices, DeviceInfo{Device: CPU, Name: "CPU", Total: cpu.Total, Free: cpu.Free})
	for i, name := range raw.CUDA {
		d := DeviceInfo{Device: unpackDevice(int32(i)), Name: name}
		if i < len(raw.Capable) {
			d.Capability = raw.Capable[i]
		}
		// A GPU that cannot be used is still listed; Diagnose says what is wrong with it.
		_ = Try(func() error {
			m := MemoryStats(d.Device)
			d.Total, d.Free = m.Total, m.Free
			return nil
		})
		info.Devices = append(info.Devices, d)
	}
	return info
}

// SetThreads sets how many threads an operation on the CPU uses.
func SetThreads(n int) {
	ensure()
	check(C.isac_set_threads(C.int64_t(n)).err)
}

// Memory is the state of a device's memory in bytes. A libtorch before 2.9 that was built against without CUDA's headers reports
// no Allocated, Reserved and Peak of a GPU: they are 0.
type Memory struct {
	Allocated int64 // held by tensors; on the CPU the process's resident memory
	Reserved  int64 // taken from the device, Allocated and what is cached
	Peak      int64 // the most that Allocated was since the start or ResetPeak
	Free      int64 // left on the device, for all processes
	Total     int64 // of the device
	// Tensors is what tensors hold, and what operations take from libtorch while they run, and TensorsPeak the most of it since the start
	// or ResetPeak. On a GPU they are Allocated and Peak. On the CPU they leave out the program, its libraries and what is kept in reserve.
	Tensors, TensorsPeak int64
}

// MemoryStats returns the state of a device's memory.
func MemoryStats(d Device) Memory {
	ensure()
	m := C.isac_get_memory(C.int32_t(d.pack()))
	check(m.err)
	return Memory{int64(m.allocated), int64(m.reserved), int64(m.peak), int64(m.free), int64(m.total), int64(m.tensors), int64(m.tensors_peak)}
}

// EmptyCache gives memory that is cached but not used back to the device.
func EmptyCache(d Device) {
	ensure()
	check(C.isac_empty_cache(C.int32_t(d.pack()), 0).err)
}

// betweenJobs is how much of the machine's memory is kept for tensors to come while nothing is computed. A run keeps what it had at its peak.
const betweenJobs = 512 << 20

func trimCache() {
	ensure()
	check(C.isac_empty_cache(C.int32_t(CPU.pack()), betweenJobs).err)
}

// ResetPeak makes the present the start of Memory.Peak.
func ResetPeak(d Device) {
	ensure()
	check(C.isac_reset_peak(C.int32_t(d.pack())).err)
}

// Synchronize waits until the device has finished all that it was given; only then is a time measured on it meaningful.
func Synchronize(d Device) {
	ensure()
	check(C.isac_synchronize(C.int32_t(d.pack())).err)
}

// MeasureGEMM returns the speed of a 512×512 float32 matrix product on the CPU in GFLOPS, the best of some tries. It tells a real
// BLAS (above 50) from the reference one (about 5), which no list of loaded libraries does.
func MeasureGEMM() float64 {
	const n = 512
	best := 0.0
	NoGrad(func() {
		WithScope(func() []Tensor {
			a, b := Ones([]int64{n, n}, Float32, CPU), Ones([]int64{n, n}, Float32, CPU)
			for stop := time.Now().Add(60 * time.Millisecond); ; {
				start := time.Now()
				a.Matmul(b).Close()
				best = max(best, 2*n*n*n/float64(time.Since(start).Nanoseconds()))
				if time.Now().After(stop) {
					return nil
				}
			}
		})
	})
	return best
}
