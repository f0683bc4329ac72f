package torch

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// diagnoseDevices lists the devices, the CPU first, and says why there is no GPU among them.
func diagnoseDevices(info Info, nvidia bool) []Finding {
	const driver = "see `nvidia-smi`; a driver older than libtorch's CUDA is the usual cause"
	var found []Finding
	gpu := false
	for _, d := range info.Devices {
		gpu = gpu || d.Device != CPU
		if d.Device != CPU && d.Total == 0 {
			found = append(found, Finding{LevelError, "device", fmt.Sprintf("%s: %s does not answer", d.Device, d.Name), driver})
			continue
		}
		found = append(found, Finding{LevelOK, "device", fmt.Sprintf("%s: %s, %.1f of %.1f GiB free", d.Device, d.Name, gib(d.Free), gib(d.Total)), ""})
	}
	switch {
	case gpu || !nvidia:
		return found
	case !info.CUDABuilt:
		return append(found, Finding{LevelWarn, "device", "there is an NVIDIA GPU, but this libtorch is built for the CPU", "make shim PYTHON=<a Python with CUDA's torch, such as ComfyUI's>"})
	}
	return append(found, Finding{LevelWarn, "device", "there is an NVIDIA GPU, but libtorch cannot use it", driver + " (also: CUDA_VISIBLE_DEVICES)"})
}

// diagnoseUse says whether models can run on the device that is wanted, and whether there is a better one. compute tries it.
func diagnoseUse(wanted Device, devices []DeviceInfo, compute func(Device) error) Finding {
	number, err := wanted.parse()
	if err != nil {
		return Finding{LevelError, "uses", err.Error(), "choose one that is listed"}
	}
	wanted = unpackDevice(number)
	var names []string
	for _, d := range devices {
		names = append(names, string(d.Device))
	}
	if !slices.Contains(names, string(wanted)) {
		return Finding{LevelError, "uses", fmt.Sprintf("device %q is not among %s", wanted, strings.Join(names, ", ")), "choose one that is listed"}
	}
	if err := compute(wanted); err != nil {
		return Finding{LevelError, "uses", fmt.Sprintf("%s, which cannot compute: %v", wanted, err), "choose another device, or a libtorch that was built for this one"}
	}
	if wanted == CPU && len(names) > 1 {
		return Finding{LevelWarn, "uses", fmt.Sprintf("%s, although there is %s", wanted, names[1]), "choose " + names[1]}
	}
	return Finding{LevelOK, "uses", string(wanted), ""}
}

// probe tries a device: a driver may list a GPU for which this libtorch has no kernels.
func probe(d Device) error {
	return InScope(func() error {
		ones := Ones([]int64{8, 8}, Float32, d)
		if sum := ones.Matmul(ones).SumAll().Item(); sum != 512 {
			return fmt.Errorf("the sum of a product of ones is %v there, not 512", sum)
		}
		return nil
	})
}

func gib(bytes int64) float64 { return float64(bytes) / (1 << 30) }

func nvidiaPresent() bool {
	_, err := os.Stat("/dev/nvidiactl")
	return err == nil
}
