"""Figure 3 of the concave-masks paper whole, beside a loop over its problems and scikit-learn."""

from __future__ import annotations

import time
import warnings

import numpy as np
import pytest
import torch
from ratios import best_seconds
from sklearn.linear_model import LogisticRegression

import pruninglab as lab
from pruninglab.ideas import concave as c
from pruninglab.lessons.concave.digits import TwoDigits, two_digits
from pruninglab.lessons.concave.fits import accuracy_of, fit_logistic, subgradient_l1
from pruninglab.lessons.concave.logistic import masked_logistic

pytestmark = pytest.mark.benchmark

LAMBDAS = torch.logspace(-2, 1, 12).tolist()
KINDS = [c.l1(), c.log(0.1)]


def drawn(runs: int) -> tuple[TwoDigits, torch.Tensor]:
    data = lab.data.load("mnist", normalize=False, device="cpu").train
    digits = two_digits(data.inputs, data.targets, runs=runs)
    return digits, fit_logistic(digits.inputs, digits.targets)


def test_figure_3_whole_takes_less_than_30_seconds() -> None:
    start = time.perf_counter()
    digits, weights = drawn(100)
    fitted = time.perf_counter()
    found = masked_logistic(digits.inputs, digits.targets, weights, KINDS, LAMBDAS)
    solved = time.perf_counter()
    subgradient_l1(digits.inputs, digits.targets, LAMBDAS)
    end = time.perf_counter()
    assert found.distance.max() <= 1e-3
    print(
        f"\n100 runs × 12 λ × 3 methods: {end - start:.1f} s (< 30) with {torch.get_num_threads()}"
    )
    print(
        f"threads: fit {fitted - start:.1f}, masks {solved - fitted:.1f} in {found.steps} steps, "
    )
    print(f"subgradients {end - solved:.1f}")
    assert end - start < 30


def student(
    x: torch.Tensor, y: torch.Tensor, theta: torch.Tensor, r: c.Regularizer, lam: float
) -> torch.Tensor:
    """Projected gradient as in the notebook, one problem, stopped like ours."""
    features = x * theta
    step = 4 / float(torch.linalg.matrix_norm(features, 2)) ** 2
    m = torch.full_like(theta, 0.5)
    for _ in range(20_000):
        slope = features.T @ (torch.sigmoid(features @ m) - y) + lam * r.derivative(m)
        if float((m - (m - slope).clamp(0, 1)).abs().max()) <= 1e-3:
            break
        m = (m - step * slope).clamp(0, 1)
    return m


def test_one_batch_beside_loops_over_its_problems() -> None:
    """Our own solver problem by problem, and what a student would write."""
    runs = 100
    digits, weights = drawn(runs)
    x, y = digits.inputs, digits.targets
    some = [(run, j) for run in range(2) for j in range(0, 12, 3)]

    def loop() -> None:
        for run, j in some:
            one = x[run : run + 1], y[run : run + 1], weights[run : run + 1]
            for kind in KINDS:
                masked_logistic(*one, [kind], [LAMBDAS[j]])

    def by_student() -> None:
        for run, j in some:
            for kind in KINDS:
                student(x[run], y[run], weights[run], kind, LAMBDAS[j])

    ours, looped, students = best_seconds(
        lambda: masked_logistic(x, y, weights, KINDS, LAMBDAS), loop, by_student
    )
    whole = runs * 12 / len(some)
    print(f"\n{runs * 24} problems in one batch {ours:.2f} s; ", end="")
    print(f"our solver in a loop / batch {looped * whole / ours:.1f}, ", end="")
    print(f"plain projected gradient in a loop / batch {students * whole / ours:.0f} (≥ 20)")
    assert students * whole / ours >= 20


def test_a_single_solve_is_quick_enough_for_a_slider() -> None:
    digits, weights = drawn(1)
    for lam in (0.01, 1.0, 10.0):
        for kind in (*KINDS, c.lq(0.5), c.mcp(0.5)):
            (seconds,) = best_seconds(
                lambda kind=kind, lam=lam: masked_logistic(
                    digits.inputs, digits.targets, weights, [kind], [lam], tolerance=1e-2
                )
            )
            print(f"\n{kind!s:15} λ = {lam:5g}: {1000 * seconds:.0f} ms (< 100)", end="")
            assert seconds < 0.1


def test_scikit_learn_side_by_side() -> None:
    """ℓ1 on θ by solvers that know the kink: sparsity, accuracy and time."""
    digits, weights = drawn(5)
    renamed = LogisticRegression().get_params()["penalty"] == "deprecated"
    l1_only = {"l1_ratio": 1} if renamed else {"penalty": "l1"}
    print()
    for solver in ("liblinear", "saga"):
        for lam in (0.1, 1.0, 10.0):
            coefs, start = [], time.perf_counter()
            for x, y in zip(digits.inputs.numpy(), digits.targets.numpy(), strict=True):
                model = LogisticRegression(
                    **l1_only, C=1 / lam, solver=solver, fit_intercept=False, max_iter=1000
                )
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    coefs.append(model.fit(x, y).coef_[0])
            seconds = (time.perf_counter() - start) / 5
            theta = torch.from_numpy(np.stack(coefs)).float()
            report(f"{solver}, ℓ1 on θ", lam, theta, digits, seconds)
    for kind in KINDS:
        for lam in (0.1, 1.0, 5.0):
            start = time.perf_counter()
            found = masked_logistic(digits.inputs, digits.targets, weights, [kind], [lam])
            seconds = (time.perf_counter() - start) / 5
            report(f"{kind} on the mask", lam, found.masks[:, 0, 0] * weights, digits, seconds)


def report(name: str, lam: float, theta: torch.Tensor, digits: TwoDigits, seconds: float) -> None:
    right = accuracy_of(digits.held_inputs, digits.held_targets, theta[:, None]).mean()
    pixels = (theta[:, :-1] != 0).sum(dim=1).float().mean()
    print(
        f"{name:26} λ = {lam:4g}: {pixels:5.1f} pixels, {right:.2%} right, {1000 * seconds:.1f} ms"
    )
