package memory

import "github.com/isac-guidance/isac/isac/torch"

// Free is what a process may still take.
type Free struct {
	// Device is what is left on the device where models run, Host what is left of the machine's memory; on the CPU both are the same.
	Device, Host int64
	// DeviceTotal and HostTotal are what would be left if nothing were taken.
	DeviceTotal, HostTotal int64
}

// Of tells what there is for a process that computes on d and may take most bytes there, 0 for all that there are. Figures that the system
// does not tell are Unlimited.
func Of(d torch.Device, most int64) Free {
	host := torch.MemoryStats(torch.CPU)
	f := Free{Host: min(known(host.Free), CgroupFree()), HostTotal: known(host.Total)}
	if d == torch.CPU {
		if most > 0 {
			f.Host, f.HostTotal = min(f.Host, max(most-host.Allocated, 0)), min(f.HostTotal, most)
		}
		f.Device, f.DeviceTotal = f.Host, f.HostTotal
		return f
	}
	m := torch.MemoryStats(d)
	f.Device, f.DeviceTotal = known(m.Free), known(m.Total)
	if f.Device != Unlimited {
		f.Device += max(m.Reserved-m.Allocated, 0) // what libtorch has taken from it and does not use
	}
	if most > 0 {
		f.Device, f.DeviceTotal = min(f.Device, max(most-m.Allocated, 0)), min(f.DeviceTotal, most)
	}
	return f
}

func known(bytes int64) int64 {
	if bytes <= 0 {
		return Unlimited
	}
	return bytes
}
