"""Shards on disk: read on other numbers of processes, damaged, and written by processes that die over it."""

import json
import os
import resource
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lookalike.errors import ArtefactError, InputError, StorageError
from lookalike.losses import class_shards
from lookalike.losses.class_shards import load_shards, save_shards
from lookalike.losses.sharded_softmax import ShardedSoftmaxLoss

CLASSES, D = 23, 5
KINDS = {
    "sgd": (torch.optim.SGD, {"lr": 0.3, "momentum": 0.9, "weight_decay": 0.01}),
    "adamw": (torch.optim.AdamW, {"lr": 0.05, "weight_decay": 0.1}),
    "plain": (torch.optim.SGD, {"lr": 0.3}),
}


def fresh(kind="sgd", rate=1.0, classes=CLASSES, seed=0):
    loss = ShardedSoftmaxLoss(classes, D, scale=8.0, sample_rate=rate, seed=seed).double()
    optimizer = KINDS[kind][0](loss.parameters(), **KINDS[kind][1])
    loss.attach(optimizer)
    return loss, optimizer


def train(loss, optimizer, steps, rank=0, world=1):
    losses = []
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        x = torch.randn(8, D, generator=generator, dtype=torch.float64)
        labels = torch.randint(0, loss.num_classes, (8,), generator=generator)
        value = loss(x[rank::world], labels[rank::world])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return losses


def saved(folder, kind="sgd", rate=1.0, steps=3):
    loss, optimizer = fresh(kind, rate)
    train(loss, optimizer, range(steps))
    save_shards(folder, loss, optimizer)
    return loss, optimizer


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# There and back


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [1.0, 0.4])
def test_what_was_saved_goes_on_bit_for_bit(kind, rate, tmp_path):
    loss, optimizer = saved(tmp_path / "new" / "folder", kind, rate)
    expected = train(loss, optimizer, range(3, 7))
    other, second = fresh(kind, rate)
    parameter = other.trained
    load_shards(tmp_path / "new" / "folder", other, second)
    assert int(other.steps) == 3
    assert train(other, second, range(3, 7)) == expected
    assert torch.equal(other.centers, loss.centers)
    assert other.trained is parameter
    assert len(names(tmp_path / "new" / "folder")) == 2


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_a_training_may_go_over_to_sampling_and_back(kind, tmp_path):
    loss, optimizer = saved(tmp_path, kind)
    some, second = fresh(kind, rate=0.99)  # all of 23, by way of a sample
    load_shards(tmp_path, some, second)
    expected = train(loss, optimizer, range(3, 6))
    assert train(some, second, range(3, 6)) == pytest.approx(expected, abs=1e-12)
    save_shards(tmp_path, some, second)
    back, third = fresh(kind)
    load_shards(tmp_path, back, third)
    assert train(back, third, range(6, 9)) == pytest.approx(train(loss, optimizer, range(6, 9)), abs=1e-12)


def test_without_the_optimizer_the_centers_are_loaded(tmp_path):
    loss, _ = saved(tmp_path)
    other, second = fresh()
    load_shards(tmp_path, other)
    assert torch.equal(other.centers, loss.centers)
    assert not second.state
    save_shards(tmp_path, loss)
    with pytest.raises(ArtefactError, match="holds the state of no optimizer, not of SGD"):
        load_shards(tmp_path, other, second)


def test_a_sample_drawn_before_loading_is_void(tmp_path):
    saved(tmp_path, rate=0.4)
    loss, optimizer = fresh(rate=0.4)
    value = loss(torch.ones(1, D).double(), torch.tensor([0]))
    load_shards(tmp_path, loss, optimizer)
    with pytest.raises(InputError, match="an earlier sample"):
        value.backward()


def test_one_checkpoint_at_a_time_is_kept_and_strange_files_are_let_be(tmp_path):
    loss, optimizer = saved(tmp_path)
    (tmp_path / "mine.safetensors").write_bytes(b"?")
    (tmp_path / ".classes-000000001-0a-0-of-1.safetensors.part").write_bytes(b"left by a kill")
    first = names(tmp_path)
    save_shards(tmp_path, loss, optimizer)
    second = names(tmp_path)
    assert len(second) == 3
    assert second[-2:] == ["classes.json", "mine.safetensors"]
    assert second[0] not in first


def test_nothing_is_pickled(tmp_path):
    saved(tmp_path, "adamw")
    shard, manifest = (tmp_path / name for name in names(tmp_path))
    assert set(load_file(shard)) == {"centers", "state.exp_avg", "state.exp_avg_sq"}
    content = json.loads(manifest.read_text())
    assert content["numbers"] == {"step": [3.0]}
    assert content["files"] == [shard.name]


# On other numbers of processes


def job_save_and_go_on(rank, world, folder, kind, rate=1.0):
    loss, optimizer = fresh(kind, rate)
    train(loss, optimizer, range(3), rank, world)
    save_shards(folder / "shards", loss, optimizer)
    return [train(loss, optimizer, range(3, 6), rank, world), loss.centers.detach()]


def job_resume(rank, world, folder, kind):
    loss, optimizer = fresh(kind, seed=9)  # another start, so that loading is what makes it the same
    load_shards(folder / "shards", loss, optimizer)
    return [train(loss, optimizer, range(3, 6), rank, world), loss.centers.detach()]


def together(parts):
    whole = torch.empty(sum(map(len, parts)), D, dtype=torch.float64)
    for rank, rows in enumerate(parts):
        whole[rank :: len(parts)] = rows
    return whole


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_saved_on_four_and_resumed_on_others(kind, tmp_path, gloo):
    expected = gloo.run(__file__, "job_save_and_go_on", 4, tmp_path, kind=kind)
    centers = together([rows for _, rows in expected])
    for world in (1, 2, 3):
        if world == 1:
            found = [job_resume(0, 1, tmp_path, kind)]
        else:
            found = gloo.run(__file__, "job_resume", world, tmp_path, kind=kind)
        for losses, _ in found:
            assert losses == pytest.approx(expected[0][0], abs=1e-10)
        torch.testing.assert_close(together([rows for _, rows in found]), centers, rtol=0, atol=1e-9)


@pytest.mark.parametrize("files", [1, 2, 3, 4, 6, 7])
@pytest.mark.parametrize("world", [1, 2, 3, 4, 5, 6, 8])
@pytest.mark.parametrize("classes", [1, 5, 24, 41])
def test_every_rank_reads_its_own_rows(files, world, classes, tmp_path, monkeypatch):
    # Ranks one after the other, for rows need no exchange; blocks of two rows, so that there are several.
    monkeypatch.setattr(class_shards, "_BLOCK", 2 * D * 8)
    whole = torch.arange(classes * D, dtype=torch.float64).view(classes, D)
    shards = [f"classes-0-a-{i}-of-{files}.safetensors" for i in range(files)]
    for i, name in enumerate(shards):
        save_file({"centers": whole[i::files].contiguous()}, tmp_path / name)
    manifest = class_shards._Manifest(classes, D, "float64", 0, shards, None, [], {})
    loss = ShardedSoftmaxLoss(classes, D)
    loss.ranks.count = world
    for rank in range(world):
        loss.ranks.rank = rank
        loss.centers = torch.nn.Parameter(torch.zeros_like(whole[rank::world]))
        rows = class_shards._read_rows(tmp_path, manifest, ["centers"], loss)
        assert torch.equal(rows["centers"], whole[rank::world])


@pytest.mark.slow
def test_saved_on_two_with_sampling_and_resumed_there(tmp_path, gloo):
    expected = gloo.run(__file__, "job_save_and_go_on", 2, tmp_path, kind="adamw", rate=0.4)
    found = gloo.run(__file__, "job_resume_sampling", 2, tmp_path)
    for (losses, rows), (again, others) in zip(expected, found, strict=True):
        assert losses == again
        assert torch.equal(rows, others)


def job_resume_sampling(rank, world, folder):
    loss, optimizer = fresh("adamw", 0.4)
    load_shards(folder / "shards", loss, optimizer)
    return [train(loss, optimizer, range(3, 6), rank, world), loss.centers.detach()]


# Damage, and what does not fit


@pytest.mark.parametrize(
    ("classes", "kind", "single", "message"),
    [
        (24, "sgd", False, "holds 23 classes of 5 dimensions in float64, this loss has 24 classes of 5 dimensions"),
        (23, "sgd", True, "in float64, this loss has 23 classes of 5 dimensions in float32"),
        (23, "adamw", False, "holds the state of SGD, not of AdamW"),
    ],
)
def test_another_loss_or_optimizer(classes, kind, single, message, tmp_path):
    saved(tmp_path)
    loss, optimizer = fresh(kind, classes=classes)
    loss = loss.float() if single else loss
    before = loss.centers.detach().clone()
    with pytest.raises(ArtefactError, match=message):
        load_shards(tmp_path, loss, optimizer)
    assert torch.equal(loss.centers, before)
    assert not optimizer.state


def test_another_losss_optimizer(tmp_path):
    saved(tmp_path)
    with pytest.raises(InputError, match="does not hold this loss's parameters"):
        load_shards(tmp_path, fresh()[0], fresh()[1])
    with pytest.raises(InputError, match="does not hold this loss's parameters"):
        save_shards(tmp_path, fresh()[0], fresh()[1])


def test_no_checkpoint(tmp_path):
    with pytest.raises(ArtefactError, match=r"classes.json does not exist; give the folder that save_shards was given"):
        load_shards(tmp_path / "none", *fresh())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: {"format_version": 2}, "has format version 2, this Lookalike reads 1"),
        (lambda m: [], "has format version None"),
        (lambda m: m | {"files": []}, "is damaged"),
        (lambda m: m | {"files": ["../../etc/passwd"]}, "is damaged"),
        (lambda m: m | {"files": [3]}, "is damaged"),
        (lambda m: m | {"steps": None}, "is damaged"),
        (lambda m: m | {"numbers": None}, "is damaged"),
        (lambda m: m | {"state": 7}, "is damaged"),
        (lambda m: m | {"more": 1}, "is damaged"),
        (lambda m: {k: v for k, v in m.items() if k != "dtype"}, "is damaged"),
        (lambda m: m | {"state": ["exp_avg"]}, "cannot be read: .*exp_avg"),
    ],
)
def test_a_damaged_manifest(change, message, tmp_path):
    saved(tmp_path)
    path = tmp_path / "classes.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    loss, optimizer = fresh()
    before = loss.centers.detach().clone()
    with pytest.raises(ArtefactError, match=message):
        load_shards(tmp_path, loss, optimizer)
    assert torch.equal(loss.centers, before)


def test_a_manifest_that_is_no_json(tmp_path):
    saved(tmp_path)
    for content in (b"", b"{", b"\xff\xff"):
        (tmp_path / "classes.json").write_bytes(content)
        with pytest.raises(ArtefactError, match="cannot be read"):
            load_shards(tmp_path, *fresh())


def test_damaged_shards(tmp_path):
    saved(tmp_path)
    (shard,) = tmp_path.glob("*.safetensors")
    whole = shard.read_bytes()
    for content in (whole[:-9], whole[:20], b"", b"\xff" * 100):
        shard.write_bytes(content)
        with pytest.raises(ArtefactError, match="cannot be read"):
            load_shards(tmp_path, *fresh())
    tensors = {"centers": torch.zeros(22, D).double(), "state.momentum_buffer": torch.zeros(23, D).double()}
    save_file(tensors, shard)
    with pytest.raises(ArtefactError, match=r"of shape \[22, 5\], expected \[23, 5\]"):
        load_shards(tmp_path, *fresh())
    save_file({name: torch.zeros(23, D) for name in tensors}, shard)
    with pytest.raises(ArtefactError, match=r"centers in torch.float32, expected torch.float64"):
        load_shards(tmp_path, *fresh())
    shard.unlink()
    with pytest.raises(ArtefactError, match="is missing; all ranks must see the folder"):
        load_shards(tmp_path, *fresh())


def job_missing(rank, world, folder):
    loss, optimizer = fresh()
    save_shards(folder / "shards", loss, optimizer)
    before = loss.centers.detach().clone()
    if rank == 1:
        next((folder / "shards").glob("*-1-of-2.safetensors")).unlink()
    with torch.no_grad():
        loss.centers += 1
    try:
        load_shards(folder / "shards", loss, optimizer)
    except ArtefactError as error:
        return [str(error), torch.equal(loss.centers, before + 1)]
    return ["nothing was raised", False]


@pytest.mark.slow
def test_what_one_rank_cannot_read_fails_on_all(tmp_path, gloo):
    (zero, unchanged), (one, also) = gloo.run(__file__, "job_missing", 2, tmp_path)
    assert "-1-of-2.safetensors is missing" in one
    assert zero == f"rank 1 of 2: {one}"
    assert unchanged
    assert also


# Disks that are full, and processes that die


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match="could not be written: Not a directory"):
        save_shards(tmp_path / "file" / "shards", *fresh())


def job_full(rank, world, folder):
    """Rank 1's disk takes no more than a few bytes."""
    loss, optimizer = fresh()
    train(loss, optimizer, range(2), rank, world)
    save_shards(folder / "shards", loss, optimizer)
    before, files = loss.centers.detach().clone(), names(folder / "shards")
    train(loss, optimizer, range(2, 4), rank, world)
    if rank == 1:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
    message = "nothing was raised"
    try:
        save_shards(folder / "shards", loss, optimizer)
    except StorageError as error:
        message = str(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    load_shards(folder / "shards", loss, optimizer)
    return [message, names(folder / "shards") == files, torch.equal(loss.centers, before), int(loss.steps)]


@pytest.mark.slow
def test_a_full_disk_on_one_rank_fails_on_all_and_harms_nothing(tmp_path, gloo):
    zero, one = gloo.run(__file__, "job_full", 2, tmp_path)
    assert "could not be written" in one[0]
    assert "the checkpoint before is whole" in one[0]
    assert zero[0] == f"rank 1 of 2: {one[0]}"
    assert zero[1:] == one[1:] == [True, True, 2]


def killed_at(count):
    """Die before the count-th time that something reaches the disk."""
    left = [count]

    def before(function):
        def counted(*args, **kwargs):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return counted

    class_shards.save_file = before(class_shards.save_file)
    os.fsync, Path.replace, Path.unlink = before(os.fsync), before(Path.replace), before(Path.unlink)


def job_kills(rank, world, folder):
    """Alone in its group; a child dies at each point of saving. Returns which checkpoint is there after each."""
    loss, optimizer = fresh("adamw")
    train(loss, optimizer, range(2))
    found = []
    for count in range(100):
        shards = folder / str(count)
        save_shards(shards, loss, optimizer)
        child = os.fork()
        if not child:
            try:
                train(loss, optimizer, range(2, 4))
                killed_at(count)
                save_shards(shards, loss, optimizer)
            finally:
                os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        other, second = fresh("adamw", seed=5)
        load_shards(shards, other, second)
        found.append([code, int(other.steps), int(second.state[other.centers]["step"])])
        save_shards(shards, other, second)  # cleans up what the kill left
        assert len(names(shards)) == 2, names(shards)
        if code == 0:
            return found
    raise AssertionError("saving never came to its end")


@pytest.mark.slow
def test_a_kill_at_any_point_leaves_one_whole_checkpoint(tmp_path, gloo):
    ((*killed, last),) = gloo.run(__file__, "job_kills", 1, tmp_path)
    assert len(killed) >= 7
    assert all(code == -signal.SIGKILL for code, _, _ in killed)
    steps = [steps for _, steps, _ in killed]
    assert steps == sorted(steps)  # the old one, up to a point
    assert set(steps) == {2, 4}
    assert last == [0, 4, 4]
    assert all(step == counted for _, step, counted in killed)


def job_killed_rank(rank, world, folder):
    loss, optimizer = fresh()
    train(loss, optimizer, range(2), rank, world)
    save_shards(folder / "shards", loss, optimizer)
    train(loss, optimizer, range(2, 4), rank, world)
    if rank == 1:
        killed_at(2)
    save_shards(folder / "shards", loss, optimizer)


@pytest.mark.slow
def test_a_rank_that_dies_while_saving_leaves_the_checkpoint_before(tmp_path, gloo):
    found = gloo.run(__file__, "job_killed_rank", 2, tmp_path, whole=False)
    assert found == [None, None]  # the other one does not wait for ever
    loss, optimizer = fresh()
    load_shards(tmp_path / "shards", loss, optimizer)
    assert int(loss.steps) == 2
    save_shards(tmp_path / "shards", loss, optimizer)
    assert len(names(tmp_path / "shards")) == 2
