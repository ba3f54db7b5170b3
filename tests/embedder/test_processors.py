"""Processors, and matrix products that keep to one."""

import threading

from threadpoolctl import threadpool_info

from lookalike.embedder.processors import available_processors, one_matrix_thread


def matrix_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_one_at_least():
    assert available_processors() >= 1


def test_matrix_products_keep_to_one_thread_and_get_theirs_back():
    before = matrix_threads()
    with one_matrix_thread():
        assert set(matrix_threads()) <= {1}
    assert matrix_threads() == before


def test_callers_wait_for_each_other():
    before, inside = matrix_threads(), []

    def limited():
        with one_matrix_thread():
            inside.append(matrix_threads())

    threads = [threading.Thread(target=limited) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(set(threads) <= {1} for threads in inside)
    assert matrix_threads() == before
