"""A study (several runs of one question) that cannot be started or found."""

from __future__ import annotations

from bertdemo.errors.base import RunError


class StudyUnknown(RunError):
    """No study of that id for this owner."""

    key = "study_unknown"


class StudyAlive(RunError):
    """The study has not ended, so it cannot be deleted."""

    key = "study_alive"


class NothingToCompare(RunError):
    """Fewer than two runs were asked for."""

    key = "nothing_to_compare"


class SpaceEmpty(RunError):
    """No hyper-parameter was chosen for the search."""

    key = "space_empty"


class NothingToVary(RunError):
    """Fewer than two values of a hyper-parameter are to be searched, or the lower end is not below the upper one."""

    key, params = "nothing_to_vary", ("field",)


class RangeWithoutDefault(RunError):
    """The values to be searched do not include the default, which is the first trial."""

    key, params = "range_without_default", ("field", "default")


class BudgetOutOfBounds(RunError):
    """The minutes of a search are no number within the bounds."""

    key, params = "budget_out_of_bounds", ("value", "low", "high")


class TooManyStudies(RunError):
    """The owner has as many studies under way as are allowed."""

    key, params = "too_many_studies", ("limit",)


class SearchBroken(RunError):
    """The trials of a search cannot be read back from its folder."""

    key = "search_broken"
