"""What a likelihood ratio of noisy counts would gain over the exponential bet, computed exactly.

    .venv/bin/python bench/statistics/noisy_bets.py

A rate of 5 % becomes 7 % or 10 % in windows of 500 rows whose number is known; the count carries
some draws of discrete Laplace noise at epsilon = 0.1. `ratio` is the mean growth per window, under
the change, of the log likelihood ratio of the noisy count; `exponential` that of the best bet
exp(theta S) over its mean under 5 %, which is the kind that the e-detector makes. `gain` is by how
much the first grows faster.
"""

import numpy as np
from figures import report
from scipy.stats import binom

ROWS, SCALE, REACH = 500, 10.0, 400


def laws(draws: int) -> tuple[np.ndarray, dict[float, np.ndarray]]:
    """The values of the noisy count, and its probabilities for each rate."""
    laplace = np.exp(-np.abs(np.arange(-REACH, REACH + 1)) / SCALE)
    noise = np.ones(1)
    for _ in range(draws):
        noise = np.convolve(noise, laplace / laplace.sum())
    law = {
        p: np.convolve(binom.pmf(np.arange(ROWS + 1), ROWS, p), noise) for p in (0.05, 0.07, 0.1)
    }
    return np.arange(len(law[0.05])) - draws * REACH, law


def growth(values: np.ndarray, before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """Mean growth per window of the likelihood ratio, and of the best exponential bet."""
    likely = after > 1e-25
    ratio = float((after[likely] * np.log(after[likely] / before[likely])).sum())
    bets = [
        theta * after @ values - np.log(before @ np.exp(theta * values))
        for theta in np.linspace(0.001, 0.06, 200)
    ]
    return ratio, float(max(bets))


def main() -> None:
    rows = []
    for draws in (1, 2, 5, 10):
        values, law = laws(draws)
        for rate in (0.07, 0.10):
            ratio, exponential = growth(values, law[0.05], law[rate])
            rows.append(
                {
                    "draws": draws,
                    "rate": rate,
                    "ratio": ratio,
                    "exponential": exponential,
                    "gain": ratio / exponential - 1,
                }
            )
    report("noisy_bets", rows, rows_a_window=ROWS, epsilon=1 / SCALE)


if __name__ == "__main__":
    main()
