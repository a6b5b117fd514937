"""A question that leans on the conversation before it becomes one that stands alone, by rules for English and Korean.

`conversation` goes through the turns; `english` and `korean` put back what is left out; `subjects` and
`subjects_korean` tell what a text is about; `context` is what a turn lends to the next question.
"""

from qa.followups.context import Similarity
from qa.followups.conversation import Standalone, Turn, standalone

__all__ = ["Similarity", "Standalone", "Turn", "standalone"]
