"""The Stan program and its data, for both ways to Stan from Python."""

from pathlib import Path

from benchmarks.problem import Problem

PROGRAM = Path(__file__).with_name("two_parameter.stan")
#: Stan's default number of warm-up iterations.
WARMUP = 1000


def stan_data(problem: Problem) -> dict[str, object]:
    """The data block of the Stan program; Stan counts from 1."""
    return {
        "n_persons": problem.n_persons,
        "n_items": problem.n_items,
        "n_responses": len(problem.response),
        "person": problem.person + 1,
        "item": problem.item + 1,
        "response": problem.response,
        "log_a_mean": problem.log_a_mean,
        "log_a_sd": problem.log_a_sd,
        "b_mean": problem.b_mean,
        "b_sd": problem.b_sd,
    }
