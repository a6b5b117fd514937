"""The time a question speaks of: `expressions` turns words of time into days, `periods` judges them by what stands
around them, and says how near an article is.
"""

from qa.dates.periods import Period, age_days, nearness, period_in

__all__ = ["Period", "age_days", "nearness", "period_in"]
