"""How much Hypothesis tries."""

from hypothesis import HealthCheck, Phase, settings


def effort_of(examples: int, *, steps: int = 50) -> settings:
    """So many examples, each new, with no limit on time; `steps` in each where there are some.

    What goes wrong is told as it was found: to make it smaller would take as long again.
    """
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
