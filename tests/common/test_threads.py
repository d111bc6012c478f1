"""Threads of a team compute on their own, and leave PyTorch's number of threads as it was."""

import threading

import pytest
import torch

from common.threads import ThreadTeam


@pytest.fixture
def four_threads():
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(1)


def test_a_team_works_at_once_and_answers_in_order(four_threads):
    team, together = ThreadTeam(3, 1), threading.Barrier(3, timeout=60)

    def work(item: int) -> tuple[int, int]:
        together.wait()  # fails unless all three work at the same time
        return item, torch.get_num_threads()

    assert team.map(work, range(6)) == [(item, 1) for item in range(6)]
    assert torch.get_num_threads() == 4


def test_in_step_the_calling_thread_computes_as_the_team_does(four_threads):
    with ThreadTeam(2, 2).in_step():
        assert torch.get_num_threads() == 2
    with pytest.raises(KeyError), ThreadTeam(2, 2).in_step():
        raise KeyError
    assert torch.get_num_threads() == 4


def test_a_team_of_one_is_the_calling_thread(four_threads):
    found = ThreadTeam(1).map(lambda item: (item, threading.get_ident(), torch.get_num_threads()), "ab")
    assert found == [(item, threading.get_ident(), 4) for item in "ab"]


def test_errors_in_a_team_are_raised(four_threads):
    with pytest.raises(ZeroDivisionError):
        ThreadTeam(2).map(lambda item: 1 / item, (1, 0, 2))
    assert torch.get_num_threads() == 4


def test_threads_of_a_team_end_with_it(four_threads):
    team = ThreadTeam(2)
    names = set(team.map(lambda _: threading.current_thread(), range(2)))
    del team
    for thread in names:
        thread.join(60)
    assert not any(thread.is_alive() for thread in names)
