package plugin

import (
	"encoding/json"
	"time"

	"github.com/isac-guidance/isac/plugin/isacpb"
)

// ToProto is the value as the contract has it.
func (v Value) ToProto() *isacpb.Value {
	if v.List != nil {
		list := &isacpb.ValueList{}
		for _, item := range v.List {
			list.Values = append(list.Values, item.ToProto())
		}
		return &isacpb.Value{Kind: &isacpb.Value_List{List: list}}
	}
	if v.Handle != nil {
		return &isacpb.Value{Kind: &isacpb.Value_Handle{Handle: &isacpb.Handle{Id: v.Handle.ID, Type: v.Handle.Type}}}
	}
	return &isacpb.Value{Kind: &isacpb.Value_Json{Json: v.JSON}}
}

// ValueFromProto is the inverse of Value.ToProto; a value that holds nothing becomes the zero Value.
func ValueFromProto(v *isacpb.Value) Value {
	if list := v.GetList(); list != nil {
		items := make([]Value, len(list.Values))
		for i, item := range list.Values {
			items[i] = ValueFromProto(item)
		}
		return Value{List: items}
	}
	if h := v.GetHandle(); h != nil {
		return Value{Handle: &Handle{ID: h.Id, Type: h.Type}}
	}
	return Value{JSON: v.GetJson()}
}

// DescriptionToProto is a description as the contract has it.
func DescriptionToProto(d Description) *isacpb.DescribeResponse {
	out := &isacpb.DescribeResponse{
		Version: d.Version, Families: d.Families, Devices: DevicesToProto(d.Devices), Nodes: map[string][]byte{},
		Torch: &isacpb.Torch{Loaded: d.Torch.Loaded, Error: d.Torch.Error, Library: d.Torch.Library, Version: d.Torch.Version, Threads: int32(d.Torch.Threads)},
	}
	for _, version := range d.Protocols {
		out.Protocols = append(out.Protocols, int32(version))
	}
	for class, info := range d.Nodes {
		out.Nodes[class] = info
	}
	return out
}

func descriptionFromProto(p *isacpb.DescribeResponse) Description {
	d := Description{
		Version: p.Version, Families: p.Families, Devices: devicesFromProto(p.Devices), Nodes: make(map[string]json.RawMessage, len(p.Nodes)),
		Torch: Torch{Loaded: p.Torch.GetLoaded(), Error: p.Torch.GetError(), Library: p.Torch.GetLibrary(), Version: p.Torch.GetVersion(), Threads: int(p.Torch.GetThreads())},
	}
	for _, version := range p.Protocols {
		d.Protocols = append(d.Protocols, int(version))
	}
	for class, info := range p.Nodes {
		d.Nodes[class] = info
	}
	return d
}

// DevicesToProto are devices as the contract has them.
func DevicesToProto(devices []Device) []*isacpb.Device {
	var out []*isacpb.Device
	for _, d := range devices {
		out = append(out, &isacpb.Device{
			Name: d.Name, Description: d.Description, TotalBytes: d.TotalBytes, FreeBytes: d.FreeBytes,
			AllocatedBytes: d.AllocatedBytes, ReservedBytes: d.ReservedBytes, TextBytes: d.TextBytes, TextAwayBytes: d.TextAwayBytes,
		})
	}
	return out
}

func devicesFromProto(devices []*isacpb.Device) []Device {
	var out []Device
	for _, d := range devices {
		out = append(out, Device{
			Name: d.Name, Description: d.Description, TotalBytes: d.TotalBytes, FreeBytes: d.FreeBytes,
			AllocatedBytes: d.AllocatedBytes, ReservedBytes: d.ReservedBytes, TextBytes: d.TextBytes, TextAwayBytes: d.TextAwayBytes,
		})
	}
	return out
}

func statsFromProto(p *isacpb.StatsResponse) Stats {
	s := Stats{
		Handles: map[string]int{}, Tensors: int(p.Tensors), ResidentBytes: p.ResidentBytes,
		Devices: devicesFromProto(p.Devices), Uptime: seconds(p.UptimeSeconds), PID: int(p.Pid),
		GuidanceSessions: int(p.GuidanceSessions),
	}
	for kind, n := range p.Handles {
		s.Handles[kind] = int(n)
	}
	for _, r := range p.Running {
		s.Running = append(s.Running, Running{PromptID: r.PromptId, NodeID: r.NodeId, Class: r.ClassType, Waiting: r.Waiting, For: seconds(r.Seconds)})
	}
	return s
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
