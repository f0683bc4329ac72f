package server

import (
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/plugin"
)

// inspect describes the loaded libtorch and the devices that it sees.
func inspect() (plugin.Torch, []plugin.Device) {
	info := torch.GetInfo()
	var devices []plugin.Device
	for _, d := range info.Devices {
		device := plugin.Device{Name: string(d.Device), Description: d.Name, TotalBytes: size(d.Total), FreeBytes: size(d.Free)}
		// A device that is broken is still listed.
		_ = torch.Try(func() error {
			memory := torch.MemoryStats(d.Device)
			device.AllocatedBytes, device.ReservedBytes = size(memory.Allocated), size(memory.Reserved)
			return nil
		})
		devices = append(devices, device)
	}
	return plugin.Torch{Loaded: true, Library: info.Library, Version: info.Version, Threads: info.Threads}, devices
}

// emptyCaches gives back what libtorch's allocators keep in reserve.
func emptyCaches() {
	for _, d := range torch.GetInfo().Devices {
		torch.EmptyCache(d.Device)
	}
}

// size is a number of bytes; libtorch says -1 where it does not know.
func size(n int64) uint64 { return uint64(max(n, 0)) }
