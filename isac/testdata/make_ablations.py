#!/usr/bin/env python3
"""Writes what the Go tests of isac's ablations compare themselves with, into isac/testdata/ablations.{json,safetensors}.

  make_ablations.py            takes seconds; needs torch and safetensors (examples/mini/requirements.txt) and scikit-learn==1.9.1

Overlaps: MAE, KL and soft IoU in the place of MPO in make_isac.py's guided step, in plain PyTorch with autograd through everything; and
the step without class propagation.
Clusterings: spectral clustering and Gaussian mixtures by scikit-learn, on invented attention with planted instances, and the numbers
on the way by numpy. Everything is in double precision and shares nothing with the Go code.
"""

import json

import make_isac
import numpy as np
import torch
import torch.nn.functional as F
from make_isac import HERE, MODELS, PAPER, TWO, TYPED, Synthetic
from safetensors.torch import save_file
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

# ---------------------------------------------------------------------------------------------------- overlaps


def mae(a, b):
    return 1 - F.l1_loss(a, b)


def kl(a, b, floor=1e-8):
    p, q = a / a.sum(), b / b.sum()

    def divergence(p, q):
        return (p * torch.log((p + floor) / (q + floor))).sum()

    return -(divergence(p, q) + divergence(q, p)) / 2


def iou(a, b):
    both = torch.stack([a, b])
    return both.min(dim=0).values.sum() / both.max(dim=0).values.sum()


THREE = [(1, [2]), (2, [4]), (1, [5, 6])]
OVERLAPS = {"mae": mae, "kl": kl, "iou": iou}
RUNS = {
    # name: model, classes, options, step, count
    "typed": ("square", TWO, TYPED, 3, 10),
    "paper": ("square", TWO, PAPER, 3, 10),
    "wide": ("wide", THREE, TYPED, 2, 7),
    "softmax": ("wide", THREE, TYPED | {"cross_norm": "softmax100"}, 2, 7),
    "instances": ("square", [(3, [4])], TYPED, 0, 10),
}
UNPROPAGATED = {
    # as RUNS, without (7)
    "typed": RUNS["typed"],
    "paper": RUNS["paper"],
    "wide": RUNS["wide"],
    "classes": ("wide", THREE, PAPER | {"schedule": "B"}, 2, 7),
}


def steps():
    """Guided steps with another overlap, and such without class propagation."""
    tensors, notes = {}, {"models": {}, "cases": {}}
    models = {}
    for name, m in MODELS.items():
        models[name] = Synthetic(**m)
        tensors |= {f"model/{name}/{k}": v for k, v in models[name].tensors.items()}
        layers = [{"kind": kind, "grid": grid, "heads": heads, "d": d} for kind, grid, heads, d in m["layers"]]
        notes["models"][name] = {"top": m["top"], "layers": layers}
    changed = [(kind, function, {"overlap": kind}, RUNS) for kind, function in OVERLAPS.items()]
    changed.append(("unpropagated", make_isac.mpo, {"propagation": False}, UNPROPAGATED))
    for kind, function, change, runs in changed:
        make_isac.mpo = function
        for run, (model_name, classes, o, index, count) in runs.items():
            model = models[model_name]
            o = o | change
            found = make_isac.guide(model.tensors["x"], model.run, model.top, classes, o, index, count)
            numbers, name = found.pop("numbers"), f"{kind}-{run}"
            tensors |= {f"case/{name}/{k}": found[k].detach().contiguous() for k in ("prop", "labels", "masks", "gradient", "stepped")}
            notes["cases"][name] = dict(
                model=model_name,
                classes=[{"count": c, "tokens": t} for c, t in classes],
                options=o,
                index=index,
                count=count,
                **numbers,
            )
            print(f"{name:14} L_ins={numbers['instance']:8.4g} L_cls={numbers['cls']:8.4g} |grad|={found['gradient'].norm():.4g}")
    return tensors, notes


# ---------------------------------------------------------------------------------------------------- clusterings

RIDGE = 1e-3
STEPS = 5  # of EM
PLANTED = {
    # name: grid, centres (y, x), radius, noise of the pixels' own vectors, weight of the coordinates, seed
    "apart": ((9, 12), [(2, 2), (6, 3), (4, 9)], 2.3, 0.2, 1.0, 1),
    "touching": ((12, 16), [(4, 3), (4, 8), (8, 12), (9, 5)], 3.2, 0.3, 1.0, 2),
    "without places": ((12, 16), [(3, 3), (8, 4), (6, 11)], 3.4, 0.25, 0.0, 3),
}


def planted(grid, centres, radius, noise, seed):
    """Foreground pixels, the nearest centre of each, and a vector of each: attention is softmax(4·v·vᵀ)."""
    g = np.random.default_rng(seed)
    ys, xs = np.meshgrid(np.arange(grid[0]), np.arange(grid[1]), indexing="ij")
    distance = np.stack([np.hypot(ys - y, xs - x).ravel() for y, x in centres])
    pixels = np.flatnonzero(distance.min(axis=0) <= radius)
    owner = distance.argmin(axis=0)[pixels]
    own = np.eye(len(centres))[owner] + noise * g.standard_normal((len(pixels), len(centres)))
    return pixels, owner, own


def attention(vectors):
    e = np.exp(4 * vectors @ vectors.T)
    return e / e.sum(axis=1, keepdims=True)


def affinity(sa, places):
    w = (sa + sa.T) / 2 * np.exp(-((places[:, None] - places[None]) ** 2).sum(-1) / 2)
    np.fill_diagonal(w, 0)
    return w


def from_clusters(points, labels, n, ridge):
    """The parameters that clusters stand for, as scikit-learn takes them."""
    parts = [points[labels == c] for c in range(n)]
    covariances = [np.cov(p.T, bias=True) + ridge * np.eye(points.shape[1]) for p in parts]
    return {
        "weights_init": np.array([len(p) for p in parts]) / len(points),
        "means_init": np.array([p.mean(axis=0) for p in parts]),
        "precisions_init": np.array([np.linalg.inv(c) for c in covariances]),
    }


def clusterings():
    tensors, notes = {}, {}
    for name, (grid, centres, radius, noise, weight, seed) in PLANTED.items():
        n = len(centres)
        pixels, owner, vectors = planted(grid, centres, radius, noise, seed)
        sa = attention(vectors)
        points = make_isac.features(torch.tensor(sa), torch.tensor(pixels), grid, weight, "minmax").numpy()
        w = affinity(sa, points[:, -2:])

        # Ng, Jordan and Weiss, and scikit-learn's own variety, whose rows are not normalised.
        root = 1 / np.sqrt(w.sum(axis=1))
        values, eigenvectors = np.linalg.eigh(root[:, None] * w * root[None])
        rows = eigenvectors[:, -n:] / np.linalg.norm(eigenvectors[:, -n:], axis=1, keepdims=True)
        plain = KMeans(n, n_init=50, random_state=0).fit_predict(rows)
        spectral = SpectralClustering(n, affinity="precomputed", n_init=50, random_state=0).fit_predict(w)

        pca = PCA(n + 1, svd_solver="full").fit(points)
        scores = pca.transform(points)
        ridge = RIDGE * scores.var(axis=0).mean()
        start = KMeans(n, n_init=50, random_state=0).fit_predict(points)
        options = {"covariance_type": "full", "reg_covar": ridge, "random_state": 0}
        few = GaussianMixture(n, max_iter=STEPS, tol=0, **from_clusters(scores, start, n, ridge), **options)
        few_labels = few.fit_predict(scores)
        best = GaussianMixture(n, max_iter=1000, tol=1e-6, n_init=20, **options)
        best_labels = best.fit_predict(scores)

        found = {"owner": owner, "spectral_plain": plain, "spectral": spectral}
        found |= {"gmm_start": start, "gmm_few": few_labels, "gmm": best_labels}
        tensors |= {f"cluster/{name}/{k}": torch.tensor(v, dtype=torch.int64) for k, v in found.items()}
        tensors |= {f"cluster/{name}/pixels": torch.tensor(pixels), f"cluster/{name}/vectors": torch.tensor(vectors)}
        notes[name] = {
            "grid": grid,
            "n": n,
            "weight": weight,
            "eigenvalues": values[::-1][:n].tolist(),
            "singular": pca.singular_values_.tolist(),
            "steps": STEPS,
            "few": few.score(scores),
            "best": best.score(scores),
        }
        agree = {k: round(adjusted_rand_score(owner, v), 3) for k, v in found.items()}
        print(f"{name}: F={len(pixels)}, eigenvalues {values[::-1][: n + 1].round(3)}, agreement with what was planted {agree}")
        print(f"  log-likelihood {notes[name]['few']:.4f} after {STEPS} steps, {notes[name]['best']:.4f} at best")
    return tensors, notes


if __name__ == "__main__":
    tensors, notes = steps()
    more, notes["clusterings"] = clusterings()
    save_file(tensors | more, HERE / "ablations.safetensors")
    (HERE / "ablations.safetensors").chmod(0o644)
    (HERE / "ablations.json").write_text(json.dumps(notes, indent=1) + "\n")
