"""The id table against a dictionary, over many more ids than its merge threshold."""

import numpy as np
import pytest

from lookalike.errors import VectorError
from lookalike.index.core.ids import IdMap


@pytest.mark.parametrize("seed", range(3))
def test_random_history_against_a_dictionary(seed):
    rng = np.random.default_rng(seed)
    table, model, position = IdMap(), {}, 0
    for _ in range(300):
        action = rng.integers(0, 13)
        if action < 6 or action > 9:
            new = np.setdiff1d(rng.integers(-4000, 4000, rng.integers(1, 400)), [*model, -1])
            rng.shuffle(new)
            table.check_new(new)
            grown = table.appended(new)
            if action > 9:  # dropped again: the map it was made from is as it was, and it is the one to go on with
                assert (grown.find(new) == np.arange(position, position + len(new))).all()
                assert (table.find(new) == -1).all()
                assert (len(table), table.size) == (len(model), position)
                if action == 12:  # an engine that cannot let go of its rows
                    table, position = table.with_dead(len(new)), position + len(new)
                continue
            table = grown
            model.update(zip(new.tolist(), range(position, position + len(new)), strict=True))
            position += len(new)
        elif action < 9:
            some = rng.integers(-4000, 4000, rng.integers(0, 900))
            gone = table.find(np.unique(some))
            gone = gone[gone >= 0]
            assert sorted(gone.tolist()) == sorted(model.pop(i) for i in set(some.tolist()) if i in model)
            rest = table.without(gone)
            table = table.without(gone) if action == 8 else rest  # twice is as once
        else:
            table = table.compacted()
            order = sorted(model, key=model.__getitem__)
            model, position = {i: n for n, i in enumerate(order)}, len(order)
        probe = rng.integers(-4000, 4000, 200)
        assert table.find(probe).tolist() == [model.get(i, -1) for i in probe.tolist()]
        assert len(table) == table.live_mask.sum() == len(model)
        assert table.size == position


def test_an_id_live_twice_is_refused():
    with pytest.raises(VectorError, match="id 7 is given twice"):
        IdMap(np.array([7, 8, 7]))
    IdMap(np.array([7, 8, 7]), np.array([True, False, False]))  # dead once, live once: fine


def test_ids_are_not_reused():
    table = IdMap(np.array([3])).without(np.array([0])).compacted()
    assert table.fresh(2).tolist() == [4, 5]
