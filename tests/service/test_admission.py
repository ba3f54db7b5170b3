"""A bounded queue: what is too much is refused at once, what waits too long is not begun."""

import asyncio
import threading
import time

import pytest

from lookalike.service.admission import Admission, Overloaded, TookTooLong


def test_more_than_threads_and_queue_are_refused_and_room_comes_back():
    async def run():
        admission, go_on = Admission(threads=1, queue=2, seconds=30), threading.Event()
        tasks = [asyncio.create_task(admission.run(go_on.wait, 30)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as refused:
            await admission.run(int)
        assert refused.value.retry_after >= 1
        assert (admission.working, admission.refused) == (3, 1)
        go_on.set()
        assert await asyncio.gather(*tasks) == [True] * 3
        while admission.working:
            await asyncio.sleep(0)
        assert await admission.run(lambda x: x + 1, 1) == 2
        admission.close()

    asyncio.run(run())


def test_what_waited_too_long_is_never_begun():
    async def run():
        admission, go_on, begun = Admission(threads=1, queue=2, seconds=0.2), threading.Event(), []
        first = asyncio.create_task(admission.run(go_on.wait, 30))
        second = asyncio.create_task(admission.run(begun.append, 1))
        for one in (first, second):
            with pytest.raises(TookTooLong, match=r"0\.2 s"):
                await one
        assert admission.working == 1  # what runs goes on, and keeps its place
        go_on.set()
        while admission.working:
            await asyncio.sleep(0.01)
        assert begun == []
        admission.close()

    asyncio.run(run())


def test_errors_of_the_work_are_its_own():
    def late():
        raise TimeoutError("the disk")

    async def run():
        admission = Admission(1, 1, 30)
        with pytest.raises(TimeoutError, match="the disk"):
            await admission.run(late)
        admission.close()

    asyncio.run(run())


def test_closing_waits_for_what_runs():
    done = []

    async def run():
        admission = Admission(1, 1, 30)
        task = asyncio.create_task(admission.run(lambda: (time.sleep(0.2), done.append(1))))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(admission.close)
        assert done == [1]
        await task

    asyncio.run(run())
