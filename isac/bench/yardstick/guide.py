"""One guided step of ISAC (Algorithm 1, preset typed) with whole maps and autograd through all of them."""

import time

import torch
import torch.nn.functional as F
from kmeans import inertia, kmeans
from taps import formulas

OPTIONS = formulas.TYPED


def guided_step(model, x, step, labels=None):
    """The moved latent [1,C,h,w] and numbers of the way. labels [HW], -1 on the background, stand for K-means where they are given."""
    classes = [(c["count"], c["tokens"]) for c in step["classes"]]
    n = sum(count for count, _ in classes)
    x = x.detach().clone().requires_grad_(True)
    sa, ca, top = model.maps_of(x, step["timestep"], OPTIONS["divide"])
    sa, prop = formulas.propagate(sa, ca, classes, OPTIONS)
    foreground = (prop > prop.mean(dim=0, keepdim=True)).any(dim=1)  # (9)
    if labels is not None:
        labels = torch.tensor(labels, device=x.device)
        foreground = same_foreground(foreground, labels >= 0, model.dtype)
    foreground = foreground.nonzero()[:, 0]
    fg = sa[foreground][:, foreground]  # (10), (11)

    began = time.perf_counter()
    with torch.no_grad():
        points = features(fg.detach(), foreground, top)
        own = kmeans(points, n)
        sync(x)
    took = time.perf_counter() - began
    numbers = {"kmeans_seconds": took, "foreground": len(foreground), "inertia": None, "inertia_given": None}
    if labels is not None:
        given = labels[foreground]
        numbers |= {"inertia": inertia(points, own), "inertia_given": inertia(points, given)}
        own = given

    masks = fg @ F.one_hot(own, n).to(fg.dtype)  # (8)
    instance, cls = formulas.largest_overlap(masks), formulas.largest_overlap(prop)
    w_instance, w_class = formulas.weights(OPTIONS["schedule"], step["index"], step["count"])
    loss = w_instance * instance + w_class * cls  # (5)
    (gradient,) = torch.autograd.grad(loss, x)
    norm = gradient.norm()
    moved = (x - OPTIONS["eta"] * gradient * x.norm() / norm).detach()
    numbers |= {"loss": loss.item(), "instance": instance.item(), "class": cls.item(), "grad_norm": norm.item()}
    model.done()
    return moved, numbers


def same_foreground(own, given, dtype):
    """The given one. A pixel at its threshold may fall to either side by rounding; more than one in 500 (half types: 50) is other work."""
    differ = int((own != given).sum())
    if differ > max(1, len(own) // (500 if dtype == torch.float32 else 50)):
        raise SystemExit(f"{differ} of {len(own)} pixels of the labels' foreground are not the maps': the two do not do the same work")
    return given


def features(fg, foreground, top):
    """What is clustered (figure 5): rows of SA[I,I] and places, on the maps' device."""
    none = torch.zeros(len(fg), 1)
    place = formulas.features(none, foreground.cpu(), top, OPTIONS["weight"], "none")[:, 1:]
    rows = formulas.minmax(fg) if OPTIONS["cluster_norm"] == "minmax" else fg
    return torch.cat([rows, place.to(rows)], dim=1)


def sync(x):
    if x.is_cuda:
        torch.cuda.synchronize()
