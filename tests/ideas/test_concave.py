"""Penalties, the solver against scipy, the baselines against scikit-learn, the bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import check_grad, minimize
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from pruninglab.ideas import concave as c
from pruninglab.lessons.concave.digits import TwoDigits, two_digits
from pruninglab.lessons.concave.fits import accuracy_of, fit_logistic, subgradient_l1
from pruninglab.lessons.concave.logistic import loss_gradient, masked_logistic

PENALTIES = [c.l1(), c.log(0.1), c.log(0.01), c.lq(0.5), c.mcp(0.5), c.mcp(3.0)]


def problem(runs: int = 2, n: int = 40, d: int = 12, seed: int = 0) -> tuple[Tensor, ...]:
    """Return inputs, noisy targets and weights of small problems, in float64."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(runs, n, d, generator=generator, dtype=torch.float64)
    weights = 2 * torch.randn(runs, d, generator=generator, dtype=torch.float64)
    chance = torch.sigmoid(inputs @ weights[..., None])[..., 0]
    targets = (torch.rand(runs, n, generator=generator, dtype=torch.float64) < chance).double()
    return inputs, targets, weights


def objective(m: np.ndarray, one: tuple[Tensor, ...], r: c.Regularizer, lam: float, ridge: float):
    """Loss plus penalty of one problem, written out in numpy."""
    inputs, targets, weights = (part.numpy() for part in one)
    logits = (inputs * weights) @ m
    loss = np.logaddexp(0, logits).sum() - targets @ logits
    return loss + ridge / 2 * m @ m + lam * r.value(torch.from_numpy(m)).sum().item()


# --- penalties -------------------------------------------------------------------------------


def test_values_at_the_ends_and_in_the_middle() -> None:
    m = torch.tensor([0.0, 0.25, 1.0], dtype=torch.float64)
    middle = [0.25, math.log(3.5) / math.log(11), 0.5, 0.75, (0.25 - 0.0625 / 6) / (1 - 1 / 6)]
    for r, value in zip(
        [c.l1(), c.log(0.1), c.lq(0.5), c.mcp(0.5), c.mcp(3.0)], middle, strict=True
    ):
        assert r.value(m).tolist() == pytest.approx([0, value, 1], abs=1e-12)


@pytest.mark.parametrize("r", PENALTIES, ids=repr)
def test_derivatives_are_autograds(r: c.Regularizer) -> None:
    m = torch.tensor([0.01, 0.2, 0.49, 0.51, 0.99], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(r.value(m).sum(), m)
    torch.testing.assert_close(r.derivative(m.detach()), gradient)


@pytest.mark.parametrize("r", PENALTIES, ids=repr)
def test_assumption_1_holds(r: c.Regularizer) -> None:
    found = c.check_assumption(r)
    strictly = found.pop("strictly concave")
    assert all(found.values()), found
    assert strictly == (r not in (c.l1(), c.mcp(0.5)))


class square:
    def value(self, m: Tensor) -> Tensor:
        return m.square()

    def derivative(self, m: Tensor) -> Tensor:
        return 2 * m


class hump(square):
    def value(self, m: Tensor) -> Tensor:
        return 4 * m * (1 - m)


def test_assumption_1_fails_where_it_should() -> None:
    assert not c.check_assumption(square())["concave"]
    found = c.check_assumption(hump())
    assert not (found["image"] or found["non-decreasing"] or found["derivative"])
    assert found["concave"]
    with pytest.raises(ValueError, match="points=4"):
        c.check_assumption(c.l1(), points=4)


@pytest.mark.parametrize(
    ("make", "value", "match"),
    [
        (c.log, 0.0, "eps=0.0"),
        (c.log, -1.0, "eps=-1.0"),
        (c.log, math.inf, "eps=inf"),
        (c.log, math.nan, "eps=nan"),
        (c.lq, 0.0, "q=0.0"),
        (c.lq, 1.0, "q=1.0"),
        (c.mcp, 0.0, "b=0.0"),
    ],
)
def test_bad_parameters_are_named(make: type, value: float, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make(value)


def test_lq_is_steep_but_finite_at_zero() -> None:
    assert c.lq(0.5).derivative(torch.zeros(1)).item() == pytest.approx(1e30)


# --- the solver ------------------------------------------------------------------------------


@pytest.mark.parametrize("r", [c.l1(), c.log(0.1), c.mcp(0.5)], ids=repr)
@pytest.mark.parametrize("ridge", [0.0, 2.0])
def test_scipy_finds_nothing_better_nearby(r: c.Regularizer, ridge: float) -> None:
    data = problem()
    found = masked_logistic(*data, [r], [0.3, 2.0], ridge=ridge, tolerance=1e-8)
    for run in range(2):
        one = tuple(part[run] for part in data)
        for number, lam in enumerate((0.3, 2.0)):
            m = found.masks[run, 0, number].numpy()
            ours = objective(m, one, r, lam, ridge)
            # Concave penalties have more minima than one: scipy starts where we ended.
            start = np.full(12, 0.5) if r == c.l1() else m
            theirs = minimize(
                objective, start, (one, r, lam, ridge), method="L-BFGS-B", bounds=[(0, 1)] * 12,
                options={"ftol": 1e-14, "gtol": 1e-9},
            )  # fmt: skip
            assert ours <= theirs.fun + 1e-6
            if r == c.l1():
                np.testing.assert_allclose(m, theirs.x, atol=1e-4)


def test_l1_has_one_solution_wherever_it_starts() -> None:
    data = problem()
    ends = [
        masked_logistic(*data, [c.l1()], [1.0], start=start, tolerance=1e-9).masks
        for start in (0.0, 0.5, 1.0)
    ]
    torch.testing.assert_close(ends[0], ends[1], atol=1e-6, rtol=0)
    torch.testing.assert_close(ends[0], ends[2], atol=1e-6, rtol=0)


@pytest.mark.parametrize("r", PENALTIES, ids=repr)
def test_kkt_conditions(r: c.Regularizer) -> None:
    data = problem()
    found = masked_logistic(*data, [r], [0.5, 1.5], ridge=0.5, tolerance=1e-8)
    m = found.masks
    features = data[0] * data[2][:, None]
    m.requires_grad_()
    logits = torch.einsum("rnd,rkld->rkln", features, m)
    goal = data[1][:, None, None].expand_as(logits)
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    loss = bce(logits, goal, reduction="sum") + 0.25 * m.square().sum()
    (gradient,) = torch.autograd.grad(loss, m)
    m = m.detach()
    lam = torch.tensor([0.5, 1.5], dtype=torch.float64)[:, None]
    gradient = gradient + lam * r.derivative(m)
    inside = (m > 0) & (m < 1)
    assert bool(((m == 0) | (m == 1)).any()), "the box must be felt"
    assert gradient[inside].abs().max() < 1e-6 if inside.any() else True
    assert bool((gradient[m == 0] > -1e-6).all()) and bool((gradient[m == 1] < 1e-6).all())


def test_a_batch_equals_a_loop_over_its_problems() -> None:
    data, lambdas, kinds = problem(runs=3), [0.0, 0.2, 1.0, 30.0], [c.log(0.1), c.l1(), c.mcp(0.5)]
    whole = masked_logistic(*data, kinds, lambdas, tolerance=1e-7, max_steps=20_000)
    assert whole.masks.shape == (3, 3, 4, 12)
    for run in range(3):
        one = [part[run : run + 1] for part in data]
        for i, kind in enumerate(kinds):
            for j, lam in enumerate(lambdas):
                alone = masked_logistic(*one, [kind], [lam], tolerance=1e-7, max_steps=20_000)
                torch.testing.assert_close(
                    alone.masks[0, 0, 0], whole.masks[run, i, j], atol=1e-5, rtol=0
                )


def test_distance_is_the_projected_gradient() -> None:
    data = problem(runs=1)
    with pytest.warns(
        RuntimeWarning, match=r"2 of 2 problems .* after 3 steps.*wanted 1e-09"
    ) as caught:
        found = masked_logistic(*data, [c.log(0.2)], [0.5, 1.0], tolerance=1e-9, max_steps=3)
    assert found.steps == 3 and caught[0].filename == __file__
    for number, lam in enumerate((0.5, 1.0)):
        m = found.masks[0, 0, number]
        slope = loss_gradient(*data, m[None])[0] + lam * c.log(0.2).derivative(m)
        expected = (m - (m - slope).clip(0, 1)).abs().max()
        assert found.distance[0, 0, number].item() == pytest.approx(expected.item())


def test_extreme_lambdas_are_known() -> None:
    data = problem()
    for r in PENALTIES:
        # Below b = 0.5: mcp leaves larger entries in peace, however large λ is.
        heavy = masked_logistic(*data, [r], [1e4], start=0.4).masks
        assert bool((heavy == 0).all())
    free = masked_logistic(*data, PENALTIES, [0.0], max_steps=20_000).masks
    for number in range(1, len(PENALTIES)):
        torch.testing.assert_close(free[:, number], free[:, 0], atol=1e-2, rtol=0)


def test_a_warm_start_is_taken_up() -> None:
    data = problem()
    first = masked_logistic(*data, [c.log(0.1)], [0.5], tolerance=1e-6)
    again = masked_logistic(*data, [c.log(0.1)], [0.5], tolerance=1e-6, start=first.masks)
    assert again.steps == 0 and torch.equal(again.masks, first.masks)


@given(st.integers(0, 10_000), st.sampled_from(PENALTIES), st.floats(0, 5))
def test_masks_stay_in_the_box_and_never_get_worse(seed: int, r: c.Regularizer, lam: float) -> None:
    data = problem(runs=1, n=10, d=5, seed=seed)
    found = masked_logistic(*data, [r], [lam], ridge=0.1, max_steps=20_000).masks[0, 0, 0]
    assert bool(((found >= 0) & (found <= 1)).all())
    one = tuple(part[0] for part in data)
    start, end = (objective(m, one, r, lam, 0.1) for m in (np.full(5, 0.5), found.numpy()))
    assert end <= start + 1e-6


def test_loss_gradient_is_that_of_the_loss() -> None:
    data = problem(runs=1)
    one = tuple(part[0] for part in data)

    def gradient(m: np.ndarray) -> np.ndarray:
        return loss_gradient(*data, torch.from_numpy(m)[None], ridge=2.0)[0].numpy()

    m = np.linspace(0.1, 0.9, 12)
    assert check_grad(lambda m: objective(m, one, c.l1(), 0.0, 2.0), gradient, m) < 1e-4


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            {"targets": torch.zeros(1, 5)},
            r"targets=float32 \(1, 5\) must be .* to fit inputs float32 \(1, 4, 3\)",
        ),
        (
            {"weights": torch.zeros(1, 2)},
            r"weights=float32 \(1, 2\) must be .* to fit inputs float32 \(1, 4, 3\)",
        ),
        ({"lambdas": [math.nan]}, "give a gradient of NaN"),
        ({"ridge": -1.0}, r"ridge=-1\.0"),
        ({"max_steps": -1}, "max_steps=-1"),
        ({"tolerance": math.nan}, "tolerance=nan"),
        ({"start": 1.5}, r"start=1\.5 must be in \[0, 1\]"),
    ],
)
def test_bad_input_is_named(change: dict, match: str) -> None:
    good = {
        "inputs": torch.zeros(1, 4, 3),
        "targets": torch.zeros(1, 4),
        "weights": torch.zeros(1, 3),
        "regularizers": [c.l1()],
        "lambdas": [1.0],
    }
    with pytest.raises(ValueError, match=match):
        masked_logistic(**{**good, **change})


# --- baselines -------------------------------------------------------------------------------


def test_the_fit_is_scikit_learns() -> None:
    inputs, targets, _ = problem(runs=3, n=80)
    for ridge in (0.1, 1.0):
        ours = fit_logistic(inputs, targets, ridge=ridge, tolerance=1e-8)
        for run in range(3):
            theirs = LogisticRegression(
                C=1 / ridge, fit_intercept=False, tol=1e-10, max_iter=10_000
            )
            theirs.fit(inputs[run].numpy(), targets[run].numpy())
            np.testing.assert_allclose(ours[run].numpy(), theirs.coef_[0], atol=1e-4)
    with pytest.raises(ValueError, match=r"ridge=0"):
        fit_logistic(inputs, targets, ridge=0)


def test_a_hard_fit_goes_downhill_all_the_same() -> None:
    inputs = torch.tensor([[[1e3, 1.0], [-1e3, 1.0], [1.0, 1.0]]], dtype=torch.float64)
    targets = torch.tensor([[1.0, 0.0, 0.0]])
    weights = fit_logistic(inputs, targets, ridge=1e-3, tolerance=1e-6)
    residual = torch.sigmoid(inputs @ weights[..., None])[..., 0] - targets
    gradient = (residual[:, None] @ inputs)[:, 0] + 1e-3 * weights
    assert gradient.abs().max() < 1e-5


def test_a_fit_that_does_not_arrive_says_how_far_it_is() -> None:
    inputs, targets, _ = problem(runs=1)
    with pytest.warns(RuntimeWarning, match=r"gradient of .*, wanted 0") as caught:
        fit_logistic(inputs, targets, tolerance=0.0)
    assert caught[0].filename == __file__, "the warning points at the caller"


def test_subgradients_step_by_step_and_never_reach_zero() -> None:
    inputs, targets, _ = problem(runs=1)
    last = torch.stack([subgradient_l1(inputs, targets, [0.5, 20.0], steps=n) for n in
                        range(151, 201)])  # fmt: skip
    theta = last[-1]
    x, y = inputs[0].numpy(), targets[0].numpy()
    step = 4 / np.linalg.norm(x, 2) ** 2
    for number, lam in enumerate((0.5, 20.0)):
        w = np.zeros(12)
        for _ in range(200):
            w = w - step * (x.T @ (1 / (1 + np.exp(-x @ w)) - y) + lam * np.sign(w))
        np.testing.assert_allclose(theta[0, number].numpy(), w, atol=1e-8)
    assert not bool((theta == 0).any())
    hops = (last[:, 0, 1].sign().diff(dim=0) != 0).sum(dim=0)
    assert hops.min() > 10, "under a heavy penalty every weight hops over zero for ever"


def test_scikit_learn_reaches_the_zeros_that_subgradients_miss() -> None:
    inputs, targets, _ = problem(runs=1, n=80)
    # scikit-learn 1.8 renamed the choice of the penalty.
    renamed = LogisticRegression().get_params()["penalty"] == "deprecated"
    kind = {"l1_ratio": 1} if renamed else {"penalty": "l1"}
    theirs = LogisticRegression(
        **kind, C=1 / 8, solver="liblinear", fit_intercept=False, tol=1e-8, max_iter=10_000
    )
    theirs.fit(inputs[0].numpy(), targets[0].numpy())
    zero = torch.from_numpy(theirs.coef_[0] == 0)
    theta = subgradient_l1(inputs, targets, [8.0], steps=3000)
    assert 0 < zero.sum() < 12 and not bool((theta == 0).any())
    assert theta[0, 0][zero].abs().max() < 0.5


def test_accuracy_is_a_share_and_a_logit_of_zero_means_class_0() -> None:
    inputs = torch.tensor([[[1.0], [-1.0], [2.0], [0.0]]])
    targets = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    weights = torch.tensor([[[1.0], [-1.0], [0.0]]])
    assert accuracy_of(inputs, targets, weights).tolist() == [[0.5, 0.75, 0.5]]


# --- bounds ----------------------------------------------------------------------------------


def test_the_printed_theorem_2_is_false_and_the_corrected_one_holds() -> None:
    """The counter-example: L = γ/2 ‖m − 1‖², so every entry solves the same problem alone."""
    gamma, lam, k, r = 10.0, 0.5, 300, c.log(0.1)
    grid = torch.linspace(0, 1, 1_000_001, dtype=torch.float64)
    best = grid[(gamma / 2 * (grid - 1) ** 2 + lam * r.value(grid)).argmin()]
    distance = math.sqrt(k) * (1 - best.item())
    extra = c.phi(best.expand(k), r)
    assert distance == pytest.approx(0.334, abs=1e-3)
    assert c.theorem2_printed(lam, k, gamma, extra) == pytest.approx(-0.110, abs=1e-3)
    corrected = c.theorem2_bound(lam, k, gamma, extra)
    assert distance <= corrected < c.theorem1_bound(lam, k, gamma)


@given(st.floats(0.01, 5), st.integers(1, 400), st.floats(0.1, 50), st.floats(0, 1))
def test_the_corrected_bound_is_the_larger_root(
    lam: float, k: int, gamma: float, share: float
) -> None:
    b = 4 * lam * math.sqrt(k) / gamma
    extra = share * gamma * b**2 / (8 * lam)
    x = c.theorem2_bound(lam, k, gamma, extra)
    roots = np.roots([1, -b, 2 * lam * extra / gamma]).real
    assert x == pytest.approx(roots.max(), rel=1e-5)
    assert x <= c.theorem1_bound(lam, k, gamma) * (1 + 1e-12)


def test_phi_is_what_a_mask_in_between_pays_more() -> None:
    m = torch.tensor([0.0, 0.25, 1.0])
    assert c.phi(m, c.lq(0.5)) == pytest.approx(0.25)
    assert c.phi(m, c.l1()) == 0
    assert c.phi(m.round(), c.log(0.1)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("r", [c.l1(), c.log(0.1)], ids=repr)
def test_both_theorems_hold_on_real_solutions(r: c.Regularizer) -> None:
    inputs, targets, weights = problem(runs=1, n=60, d=20)
    for k in (3, 8):
        sought = torch.zeros(1, 20, dtype=torch.float64)
        sought[:, :k] = 1
        for ridge in (5.0, 50.0):
            slope = loss_gradient(inputs, targets, weights, sought, ridge)
            lam = float(slope.abs().max())
            start = sought[:, None, None]
            m = masked_logistic(
                inputs, targets, weights, [r], [lam], start=start, ridge=ridge, tolerance=1e-8
            ).masks[0, 0, 0]
            far = float((m - sought[0]).norm())
            assert far <= c.theorem2_bound(lam, k, ridge, c.phi(m, r)) + 1e-9


NEEDS = ("Eq. (6)", "Eq. (7)", "Eq. (9)")


@given(st.integers(0, 10_000), st.sampled_from(PENALTIES))
def test_the_proofs_follow_from_what_they_need(seed: int, r: c.Regularizer) -> None:
    """With λ and γ for which (6), (7), (9) hold, so do all others, on any loss and any masks."""
    generator = torch.Generator().manual_seed(seed)
    m, sought, gradient = torch.rand(3, 6, generator=generator, dtype=torch.float64)
    sought = sought.round()
    extra = float(torch.rand(1, generator=generator))
    lam = float(gradient.abs().max()) + extra
    pays = lam * float(sought.sum() - r.value(m).sum())
    gamma = 2 * (pays - float(gradient @ (m - sought))) / float((m - sought).square().sum())
    if gamma <= 0:
        return
    steps = c.proof_steps(m, sought, gradient, pays, lam, gamma, r)
    assert set(NEEDS) < set(steps)
    for name, (smaller, larger) in steps.items():
        assert smaller <= larger + 1e-9, name
    bound = c.theorem2_bound(lam, int(sought.sum()), gamma, c.phi(m, r))
    assert float((m - sought).norm()) <= bound + 1e-9


def test_proof_steps_by_hand() -> None:
    """m̃ = (1, 0), m* = (½, ¼), ∇L = (−1, 0), λ = 1, γ = 2, ℓ1."""
    m, sought = torch.tensor([0.5, 0.25]), torch.tensor([1.0, 0.0])
    steps = c.proof_steps(m, sought, torch.tensor([-1.0, 0.0]), 0.25, 1, 2, c.l1())
    square = 0.25 + 0.0625
    expected = {
        "Eq. (6)": (1, 1),
        "Eq. (7)": (0.5 + square, 0.25),
        "Eq. (9)": (0.25, 0.25),
        "Eq. (10)": (0.25, 0.25),
        "Eq. (11)": (-0.75, 0.5),
        "Eq. (12)": (-0.75 + square, 0.25),
        "Eq. (13)": (square, 2 * square**0.5),
        "Eq. (16)": (0.25, 0.25),
    }
    assert steps == {name: pytest.approx(sides) for name, sides in expected.items()}
    with pytest.raises(ValueError, match="sought must be binary"):
        c.proof_steps(m, m, m, 0.0, 1, 1, c.l1())


def test_lemma_1_leaves_one_binary_mask() -> None:
    """Where the bound is below 1 no other binary mask meets (6), (7) and (9)."""
    lam, gamma = 0.2, 2.0
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 4)
    sought = torch.tensor([1.0, 1.0, 0.0, 0.0], dtype=torch.float64)
    gradient = torch.full((4,), lam, dtype=torch.float64)
    assert c.theorem1_bound(lam, 2, gamma) < 1
    left = []
    for m in every:
        h = m - sought
        gap = float(gradient @ h + gamma / 2 * h @ h)
        smaller, larger = c.proof_steps(m, sought, gradient, gap, lam, gamma, c.l1())["Eq. (9)"]
        if smaller <= larger:
            left.append(m.tolist())
    assert left == [sought.tolist()]


@pytest.mark.parametrize(
    ("function", "values", "match"),
    [
        (c.theorem1_bound, (-1.0, 3, 1.0), "lam=-1.0"),
        (c.theorem1_bound, (1.0, -3, 1.0), "k=-3"),
        (c.theorem1_bound, (1.0, 3, 0.0), "gamma=0.0"),
        (c.theorem2_bound, (1.0, 3, 1.0, -0.1), "phi=-0.1"),
        (c.theorem2_bound, (1.0, 3, 1.0, 100.0), "phi=100.0"),
        (c.theorem2_printed, (1.0, 3, 1.0, math.nan), "phi=nan"),
        (c.phi, (torch.tensor([1.5]), c.l1()), "m must lie"),
    ],
)
def test_bounds_refuse_nonsense(function, values: tuple, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        function(*values)


# --- data ------------------------------------------------------------------------------------


def test_two_digits_are_the_middle_of_the_images() -> None:
    count = 60
    images = torch.arange(count * 784, dtype=torch.float32).reshape(count, 1, 28, 28)
    labels = torch.arange(count) % 3
    drawn = two_digits(images, labels, digits=(0, 2), runs=4, each=20, train=15, seed=1)
    assert drawn.inputs.shape == (4, 30, 401) and drawn.held_inputs.shape == (4, 10, 401)
    assert bool((drawn.inputs[..., -1] == 1).all())
    for run in range(4):
        both = torch.cat([drawn.inputs[run], drawn.held_inputs[run]])
        source = (both[:, 0] // 784).long()
        assert source.unique().numel() == 40, "no image twice, none in both parts"
        truth = torch.cat([drawn.targets[run], drawn.held_targets[run]])
        assert torch.equal(labels[source], torch.where(truth == 1, 2, 0))
        torch.testing.assert_close(both[:, :-1].reshape(-1, 20, 20), images[source, 0, 4:24, 4:24])
    assert not torch.equal(drawn.inputs[0], drawn.inputs[1])
    fewer = two_digits(images, labels, digits=(0, 2), runs=2, each=20, train=15, seed=1)
    assert torch.equal(fewer.inputs, drawn.inputs[:2])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"images": torch.zeros(9, 1, 16, 16)}, r"images has shape \(9, 1, 16, 16\)"),
        ({"images": torch.zeros(9, 3, 28, 28)}, r"images=float32 \(9, 3, 28, 28\)"),
        ({"each": 5}, "only 4 images show 1"),
        ({"train": 3}, "train=3 must be less than each=3"),
        ({"runs": 0}, "runs=0"),
    ],
)
def test_two_digits_refuses_nonsense(change: dict, match: str) -> None:
    good = {
        "images": torch.zeros(9, 1, 28, 28),
        "labels": torch.arange(9) % 2,
        "each": 3,
        "train": 2,
    }
    with pytest.raises(ValueError, match=match):
        two_digits(**{**good, **change})


def test_mnist_at_once_and_few_pixels_are_enough() -> None:
    import pruninglab as lab

    data = lab.data.load("mnist", normalize=False, device="cpu")
    drawn = two_digits(data.train.inputs, data.train.targets, runs=5)
    weights = fit_logistic(drawn.inputs, drawn.targets)
    assert accuracy_of(drawn.held_inputs, drawn.held_targets, weights).mean() > 0.99
    found = masked_logistic(drawn.inputs, drawn.targets, weights, [c.l1(), c.log(0.1)], [0.1, 1.0])
    masked = found.masks * weights[:, None, None]
    assert accuracy_of(drawn.held_inputs, drawn.held_targets, masked).min() > 0.95
    living = (found.masks > 0).sum(dim=-1)
    assert bool((living[..., 1] < living[..., 0]).all()) and living.max() < 150


# --- the ends of the number line, and bad arguments by name --------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("r", [*PENALTIES, c.log(1e-15), c.log(1e15), c.lq(1e-15), c.mcp(1e-15)])
def test_penalties_keep_their_dtype_and_are_finite(r: c.Regularizer, dtype: torch.dtype) -> None:
    m = torch.tensor([0.0, 0.5, 1.0], dtype=dtype)
    values, slopes = r.value(m), r.derivative(m)
    assert values.dtype == slopes.dtype == dtype
    assert bool(slopes.isfinite().all() & (slopes >= 0).all())
    assert values[[0, 2]].tolist() == pytest.approx([0, 1], abs=1e-2)
    exact = r.value(m.double())
    torch.testing.assert_close(values.double(), exact, atol=1e-2, rtol=0)


class nowhere(square):
    def derivative(self, m: Tensor) -> Tensor:
        return m * math.nan


def test_a_penalty_of_nan_is_an_error() -> None:
    with pytest.raises(ValueError, match="a regularizer give"):
        masked_logistic(*problem(), [nowhere()], [1.0])


def test_theorem_2_at_its_corner_and_without_ones() -> None:
    assert c.theorem2_bound(0.0, 5, 1.0, 0.3) == 0
    assert c.theorem2_bound(1.0, 0, 1.0, 0.0) == 0


X, Y, W = torch.rand(1, 4, 3), torch.tensor([[0.0, 1, 0, 1]]), torch.ones(1, 3)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: c.phi(torch.tensor([math.nan]), c.l1()), "m must lie"),
        (lambda: c.phi(torch.ones(2).long(), c.l1()), "m=int64"),
        (lambda: c.phi(torch.ones(2), None), "regularizer=None"),
        (lambda: c.theorem1_bound(1.0, math.nan, 1.0), "k=nan"),
        (lambda: c.theorem1_bound(1.0, 10**400, 1.0), "k is above"),
        (lambda: c.theorem1_bound(1e300, 9, 1e-300), r"lam=1e\+300"),
        (lambda: c.theorem1_bound("1", 1, 1.0), "lam='1'"),
        (lambda: c.theorem2_bound(1e200, 1, 1.0, 1.0), r"lam=1e\+200"),
        (lambda: c.theorem2_bound(1.0, 1, 1.0, None), "phi=None"),
        (lambda: c.log(1e-310), "eps=1e-310"),
        (lambda: c.log("0.1"), "eps='0.1'"),
        (lambda: c.lq(True), "q=True"),
        (lambda: c.mcp(1e300), r"b=1e\+300"),
        (lambda: c.check_assumption(c.l1(), 10**12), "points="),
        (lambda: c.check_assumption("l1"), "regularizer='l1'"),
        (lambda: fit_logistic(X, Y, tolerance=math.nan), "tolerance=nan"),
        (lambda: accuracy_of(X, Y, torch.ones(2, 3)), "weights=float32"),
        (lambda: masked_logistic(X, Y, W, [c.l1()], [1.0], start=None), "start=None"),
        (lambda: TwoDigits(X, Y, X, Y[:, :2]), "held_targets=float32"),
        (lambda: two_digits(torch.zeros(9, 1, 28, 28), torch.zeros(8).long()), "labels=int64"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(call, match: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^{match}"):
        call()


def test_other_dtypes_of_weights_and_labels_do_not_matter() -> None:
    inputs, targets, weights = problem()
    expected = masked_logistic(inputs, targets, weights, [c.l1()], [1.0]).masks
    for labels, theta in ((targets.bool(), weights), (targets.long(), weights.float())):
        found = masked_logistic(inputs, labels, theta, [c.l1()], [1.0]).masks
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    assert loss_gradient(inputs, targets.bool(), weights, weights.float()).dtype == torch.float64


def test_a_lone_entry_is_where_the_gradient_is_zero() -> None:
    distance, extra = c.lone_entry(0.5, c.log(0.1), 10.0)
    m = torch.tensor(1 - distance, dtype=torch.float64)
    slope = 10 * (m - 1) + 0.5 * c.log(0.1).derivative(m)
    assert abs(slope.item()) < 1e-3
    assert extra == pytest.approx(float(c.log(0.1).value(m) - m))
    with pytest.raises(TypeError, match=r"^regularizer=None"):
        c.lone_entry(0.5, None, 1.0)


@pytest.mark.parametrize("regularizer", PENALTIES, ids=str)
@pytest.mark.parametrize("entry", [-1.0, -1e-30, -math.inf])
def test_no_regularizer_takes_entries_below_0(regularizer: c.Regularizer, entry: float) -> None:
    for call in (regularizer.value, regularizer.derivative):
        with pytest.raises(ValueError, match="m="):
            call(torch.tensor([0.5, entry]))
