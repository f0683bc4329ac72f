// Package nodes is what a graph sees of the project: one file a node, its inputs and what it does with them.
//
// Class names, input names, order, defaults and ranges are ComfyUI's for the nodes that ComfyUI has (CheckpointLoaderSimple,
// CLIPTextEncode, EmptyLatentImage, KSampler, VAEDecode, SaveImage, PreviewImage), so that a workflow made there runs here;
// the others are named ISAC…. A node never writes a file and never draws a progress bar: it returns bytes and calls Env.
//
// Nodes run on the executor's thread, inside a scope of package torch (see torch.Executor): whatever they make is freed when
// they return, but for the values of their Result, which live until they are closed.
package nodes
