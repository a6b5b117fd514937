"""The kinds of answer a question may ask for."""

import re
from typing import Literal

# "person" stands for whoever has a name and acts: people, companies, ministries.
AnswerKind = Literal["percent", "money", "date", "number", "person", "place", "reason", "open"]
Span = tuple[int, int]

FIGURES: frozenset[AnswerKind] = frozenset({"percent", "money", "date", "number"})
# The kinds whose spans can be told; a reason or an open question has none.
KINDS_WITH_SPANS: frozenset[AnswerKind] = FIGURES | {"person", "place"}

# A year of four digits, not part of a longer number, a share or a price.
YEAR = re.compile(r"(?<![\d.,])(?:1[89]|20)\d\d(?![\d%]|[.,]\d)")
