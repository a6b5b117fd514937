"""Two rankings to one: normalise the scores of each leg, then add them. Pure.

Scores are fused, not ranks: a rank forgets how far the first is ahead of the second, and that is what
tells a certain leg from a guessing one (docs/decisions/0002).
"""

import math
from collections.abc import Mapping, Sequence

Row = int
Scores = Mapping[Row, float]


def z_scores(scores: Scores) -> dict[Row, float]:
    """Shift and scale to mean 0 and standard deviation 1; scores that are all equal become 0."""
    if not scores:
        return {}
    mean = math.fsum(scores.values()) / len(scores)
    deviation = math.sqrt(math.fsum((score - mean) ** 2 for score in scores.values()) / len(scores))
    if deviation < 1e-12:
        return dict.fromkeys(scores, 0.0)
    return {row: (score - mean) / deviation for row, score in scores.items()}


def fuse(
    dense: Scores, lexical: Scores, *, dense_weight: float = 1.0, lexical_weight: float = 1.0
) -> list[tuple[Row, float]]:
    """Return every row of either leg with its weighted sum of z-scores, best first, ties by row.

    A row that one leg did not bring gets the lowest z-score of that leg. A leg of weight 0 brings no rows.
    """
    legs = [(z_scores(dense), dense_weight), (z_scores(lexical), lexical_weight)]
    legs = [(scores, weight) for scores, weight in legs if scores and weight > 0]
    rows = {row for scores, _ in legs for row in scores}
    lowest = [min(scores.values()) for scores, _ in legs]
    fused = [
        (row, math.fsum(weight * scores.get(row, low) for (scores, weight), low in zip(legs, lowest, strict=True)))
        for row in rows
    ]
    return sorted(fused, key=lambda pair: (-pair[1], pair[0]))


def rescore(fused: Sequence[tuple[Row, float]], scores: Scores) -> list[tuple[Row, float]]:
    """Add the z-scores of a further look at some of the rows; the others get the lowest of them."""
    scaled = z_scores(scores)
    lowest = min(scaled.values(), default=0.0)
    return sorted(
        ((row, score + scaled.get(row, lowest)) for row, score in fused), key=lambda pair: (-pair[1], pair[0])
    )


def prefer(fused: Sequence[tuple[Row, float]], nearness: Scores, *, weight: float = 1.0) -> list[tuple[Row, float]]:
    """Add what is near in time: `nearness` is in [0, 1], and 1 counts as much as `weight` standard deviations."""
    return sorted(
        ((row, score + weight * nearness.get(row, 0.0)) for row, score in fused), key=lambda pair: (-pair[1], pair[0])
    )
