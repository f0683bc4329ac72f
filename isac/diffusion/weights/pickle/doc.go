// Package pickle reads the tensors of files that torch.save wrote (.ckpt, .pt, .pth, .bin) without running them.
//
// Such a file holds a pickle: a program for a stack machine, which in Python may call anything. Here the machine knows a few names of PyTorch
// that stand for tensors, and a list of classes that checkpoints are known to hold and that become empty values. Nothing is imported or called.
// Any other name, and any instruction that checkpoints do not have, ends the reading with an error that names it.
package pickle
