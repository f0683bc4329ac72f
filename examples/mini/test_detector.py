"""Tests of what the detectors learn from and how their answers are read: no torch needed."""

from __future__ import annotations

import random

import numpy as np
import pytest

import detector_decode as decode
import detector_scene as scenes
import detector_shape as shape
import detector_target as target
import scene
from artwork import CLASSES


def stored(truths: list[scenes.Truth]) -> target.Store:
    store = target.Store(len(truths))
    for i, truth in enumerate(truths):
        store.put(i, truth)
    return store


def test_observed_scenes_are_those_the_model_learnt_from():
    for seed in range(200):
        truth = scenes.observe(seed)
        image, _ = scene.draw(seed)
        assert np.array_equal(truth.image, image)
        wanted = scene.counts(random.Random(f"scene-{seed}"))
        names = [thing.name for thing in truth.things]
        assert {name: names.count(name) for name in names} == wanted
        assert all(thing.sure for thing in truth.things)


def test_boxes_lie_tight_around_the_labels():
    for seed in range(60):
        truth = scenes.observe(seed, scenes.EVEN)
        if len(truth.things) == 1:
            thing = truth.things[0]
            assert shape.ink_box(truth.label > 0) == (thing.x0, thing.y0, thing.x1, thing.y1)
            assert set(np.unique(truth.label)) == {0, 1 + CLASSES.index(thing.name)}


def test_every_drawing_has_one_core_inside_its_box():
    for name in CLASSES:
        for artwork in range(3):
            for size in range(14, 45, 3):
                heart = scenes.drawing(name, artwork, size)
                core = shape.core(heart.mask)
                assert shape.components(core)[1] == 1, (name, artwork, size)
                assert 8 <= core.sum() < heart.mask.size
                assert not core[0].any()
                assert not core[-1].any()


@pytest.mark.parametrize("weights", [None, scenes.EVEN])
def test_perfect_answers_are_read_perfectly(weights):
    truths = [scenes.observe((1 << 43) + i, weights) for i in range(80)]
    things, store = [t.things for t in truths], stored(truths)
    centres, _, sides, _ = target.heat(store.boxes, store.kinds, store.sure)
    p = np.clip(centres, 1e-4, 1 - 1e-4)
    raw = np.concatenate([np.log(p / (1 - p)), sides], 1)
    seen = [decode.heatmap(y, 0.5, 0.6) for y in raw]
    assert decode.judge(seen, things)["exact"] == 1
    kind, _, core, _ = target.segments(store.labels, store.cores)
    raw = np.concatenate([20 * np.eye(13)[kind].transpose(0, 3, 1, 2), 20 * core[:, None] - 10], 1)
    grown = [decode.segments(y, 0.5, 0.5, 6) for y in raw]
    assert decode.judge(grown, things)["exact"] == 1
    assert decode.judge([decode.agreed(a, b) for a, b in zip(seen, grown, strict=True)], things)["exact"] == 1


def test_wild_scenes_hold_up_to_six_objects_of_all_classes_and_artworks_and_some_nothing():
    truths = [scenes.compose(seed) for seed in range(300)]
    numbers = {len(t.things) for t in truths}
    assert numbers >= set(range(7))
    assert max(numbers) <= target.MOST
    assert {thing.name for t in truths for thing in t.things} == set(CLASSES)
    again = scenes.compose(7)
    assert np.array_equal(again.image, truths[7].image)
    assert again.things == truths[7].things
    assert any(not thing.sure for t in truths for thing in t.things)
    for t in truths:
        assert t.things or not t.core.any()
        assert set(np.unique(t.core)) <= {0, 1, scenes.IGNORED}


@pytest.mark.parametrize("kind", scenes.NOTHINGS)
def test_blobs_halves_and_crosses_are_nothing(kind):
    for seed in range(40):
        truth = scenes.nothing(kind, seed)
        assert truth.things == []
        assert not truth.label.any()
        assert not truth.core.any()
        assert truth.image.std() > 3, "something is there"


def test_a_cross_of_two_drawings_of_one_class_is_an_object_of_it():
    a, b = scenes.drawing("cat", 0, 30), scenes.drawing("cat", 1, 30)
    dog = scenes.drawing("dog", 0, 30)
    assert scenes.glued(a, b, 0.5, True).name == scenes.faded(a, b, 0.4).name == "cat"
    assert scenes.glued(a, dog, 0.5, False).name is None
    assert scenes.faded(a, dog, 0.5).name is None


@pytest.mark.parametrize("side", range(4))
@pytest.mark.parametrize(("share", "things"), [(0.3, 0), (0.6, 1), (0.85, 1)])
def test_what_is_cut_off_decides_whether_it_is_an_object(side, share, things):
    part = scenes.severed(scenes.drawing("apple", 0, 40), share, side)
    truth = scenes.paste(np.full((64, 64, 3), 200, np.float32), [(part, 10, 10)])
    assert len(truth.things) == things
    assert all(thing.sure == (share > scenes.SEEN) for thing in truth.things)
    assert (scenes.IGNORED in truth.label) == (share == 0.6)


def test_unsure_objects_weigh_nothing_and_sure_ones_their_full():
    boxes = np.zeros((1, target.MOST, 4), np.float32)
    kinds, sure = np.full((1, target.MOST), -1), np.zeros((1, target.MOST), bool)
    boxes[0, 0], kinds[0, 0], sure[0, 0] = (10, 10, 30, 30), 3, True
    boxes[0, 1], kinds[0, 1] = (40, 40, 60, 60), 3
    centres, weight, sides, near = target.heat(boxes, kinds, sure)
    assert np.argwhere(centres == 1).tolist() == [[0, 3, 10, 10]]
    assert weight[0, 3, 25, 25] == 0
    assert weight[0, 3, 10, 10] == weight[0, 4, 25, 25] == 1
    assert near[0, 0, 10, 10] == 1
    assert np.allclose(target.UNIT * np.exp(sides[0, :, 10, 10]), [11, 11, 9, 9])


def test_labels_grow_at_the_same_pace():
    labels = np.full((1, 7), -1, np.int32)
    labels[0, 0], labels[0, 6] = 0, 1
    assert decode.grow(labels, np.ones((1, 7), bool)).tolist() == [[0, 0, 0, 0, 1, 1, 1]]
    assert decode.grow(labels, np.arange(7)[None] != 2).tolist() == [[0, 0, -1, 1, 1, 1, 1]]


def test_components_need_a_common_side():
    labels, number = shape.components(np.array([[1, 0, 0], [0, 1, 1], [1, 0, 1]], bool))
    assert number == 3
    assert labels.tolist() == [[0, -1, -1], [-1, 1, 1], [2, -1, 1]]


def test_judge_counts_what_is_missed_and_what_is_too_much():
    there = scenes.Thing("cat", 0, 0, 20, 20)
    cat, far = decode.Found("cat", 0.9, (0, 0, 20, 18)), decode.Found("cat", 0.9, (30, 30, 40, 40))
    dog = decode.Found("dog", 0.9, (0, 0, 20, 18))
    score = decode.judge([[cat], [cat, far], [], [dog], [far]], [[there]] * 5)
    assert score == {"exact": 0.2, "count": 0.4, "recall": 0.4, "precision": 0.4, "over": 0.4}
