"""K-means in plain PyTorch, as scikit-learn does it by default: one k-means++ start, Lloyd's iterations until nothing moves."""

import torch


def starts(points, n, generator):
    """k-means++ (Arthur and Vassilvitskii, 2007): each next centre is drawn by its squared distance to those before."""
    first = torch.randint(len(points), (1,), generator=generator).item()
    chosen = [first]
    nearest = ((points - points[first]) ** 2).sum(dim=1)
    for _ in range(n - 1):
        at = torch.multinomial(nearest.cpu().double() + 1e-30, 1, generator=generator).item()
        chosen.append(at)
        nearest = torch.minimum(nearest, ((points - points[at]) ** 2).sum(dim=1))
    return points[chosen]


def kmeans(points, n, seed=0, most=300):
    """Labels [F] of points [F,D]; a group that loses all its points takes the one that is farthest from its own."""
    generator = torch.Generator().manual_seed(seed)
    centres, labels = starts(points, n, generator), None
    for _ in range(most):
        distance, new = torch.cdist(points, centres).min(dim=1)
        for c in range(n):
            if not (new == c).any():
                far = distance.argmax()
                new[far], distance[far] = c, 0
        if labels is not None and torch.equal(new, labels):
            break
        labels = new
        centres = torch.stack([points[labels == c].mean(dim=0) for c in range(n)])
    return labels


def inertia(points, labels):
    """The sum of squared distances to the centres of the groups."""
    points = points.double()
    return sum(float(((p - p.mean(dim=0)) ** 2).sum()) for p in (points[labels == c] for c in labels.unique()))
