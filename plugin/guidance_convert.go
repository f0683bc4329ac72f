package plugin

import "github.com/isac-guidance/isac/plugin/isacpb"

func (c GuidanceConfig) toProto() *isacpb.GuidanceOpen {
	open := &isacpb.GuidanceOpen{
		Checkpoint: c.Checkpoint, Prompt: c.Prompt, Counts: c.Counts, Method: c.Method, Preset: c.Preset, Options: c.Options,
		Parametrisation: isacpb.Parametrisation(c.Parametrisation), Images: int32(c.Images), Seed: c.Seed, Measure: c.Measure,
	}
	if hidden, pooled := c.Hidden.toProto(), c.Pooled.toProto(); hidden != nil || pooled != nil {
		open.Encoded = &isacpb.EncodedPrompt{Hidden: hidden, Pooled: pooled}
	}
	if s := c.Sizes; s != nil {
		open.Sizes = &isacpb.Sizes{
			Height: int32(s.Height), Width: int32(s.Width), Top: int32(s.Top), Left: int32(s.Left),
			TargetHeight: int32(s.TargetHeight), TargetWidth: int32(s.TargetWidth),
		}
	}
	for _, i := range c.Instances {
		instances := &isacpb.GuidanceInstances{Name: i.Name, Count: int32(i.Count)}
		for _, t := range i.Tokens {
			instances.Tokens = append(instances.Tokens, int32(t))
		}
		open.Instances = append(open.Instances, instances)
	}
	for _, l := range c.LoRAs {
		open.Loras = append(open.Loras, &isacpb.GuidanceLora{Name: l.Name, StrengthModel: l.Model, StrengthClip: l.Clip})
	}
	for _, w := range c.Weights {
		open.Weights = append(open.Weights, &isacpb.GuidanceWeight{Name: w.Name, Dtype: isacpb.DType(w.DType), Sha256: w.SHA256[:]})
	}
	for _, w := range c.SharedWeights {
		open.SharedWeights = append(open.SharedWeights, &isacpb.SharedWeight{Name: w.Name, Dtype: isacpb.DType(w.DType), Shape: w.Shape, Handle: w.Handle[:], Offset: w.Offset})
	}
	return open
}

func infoFromProto(p *isacpb.GuidanceOpened) GuidanceInfo {
	info := GuidanceInfo{
		Family: p.Family, Device: p.Device, DType: p.Dtype, LatentChannels: int(p.LatentChannels), Factor: int(p.Factor),
		SigmaMin: p.SigmaMin, SigmaMax: p.SigmaMax, Method: p.Method, Options: p.Options, Notes: p.Notes,
		SharedFolder: p.SharedFolder,
	}
	for _, i := range p.Target {
		info.Target = append(info.Target, GuidanceInstances{Name: i.Name, Count: int(i.Count), Tokens: integers(i.Tokens)})
	}
	return info
}

func methodsFromProto(p *isacpb.MethodsResponse) []GuidanceMethod {
	var methods []GuidanceMethod
	for _, m := range p.Methods {
		method := GuidanceMethod{Name: m.Name, Title: m.Title, Help: m.Help}
		for _, preset := range m.Presets {
			method.Presets = append(method.Presets, GuidancePreset{Name: preset.Name, Options: preset.Options})
		}
		for _, o := range m.Options {
			method.Options = append(method.Options, GuidanceOption{Name: o.Name, Type: o.Type, Choices: o.Choices, Most: o.Most, Step: o.Step, Help: o.Help})
		}
		methods = append(methods, method)
	}
	return methods
}

func reportFromProto(p *isacpb.GuidanceReport) GuidanceReport {
	r := GuidanceReport{
		Sigma: p.Sigma, Timestep: p.Timestep, Skipped: p.Skipped, Wanted: p.Wanted, Loss: p.Loss, Moves: int(p.Moves),
		GradNorm: p.GradNorm, StepNorm: p.StepNorm, LatentNorm: p.LatentNorm,
		Foreground: int(p.Foreground), Height: int(p.Height), Width: int(p.Width), Labels: integers(p.Labels), Masks: tensorFromProto(p.Masks),
	}
	for _, l := range p.Losses {
		r.Losses = append(r.Losses, GuidanceLoss{Name: l.Name, Value: l.Value, Weight: l.Weight})
	}
	return r
}

func integers(list []int32) []int {
	if list == nil {
		return nil
	}
	out := make([]int, len(list))
	for i, v := range list {
		out[i] = int(v)
	}
	return out
}
