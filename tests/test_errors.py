"""The tree of errors: every leaf has a key of its own and takes exactly its parameters."""

from __future__ import annotations

import pytest

from bertdemo import errors
from bertdemo.errors import BertDemoError, DiskFull, RunUnknown, from_key, leaves


def test_every_leaf_has_a_key_of_its_own() -> None:
    keys = [leaf.key for leaf in leaves()]
    assert all(keys)
    assert len(set(keys)) == len(keys)


def test_every_error_of_the_module_is_a_leaf_or_above_one() -> None:
    classes = {thing for thing in vars(errors).values() if isinstance(thing, type) and issubclass(thing, BertDemoError)}
    above = {base for leaf in leaves() for base in leaf.__mro__}
    assert classes <= above
    assert {leaf for leaf in leaves() if leaf in classes} == {one for one in classes if not one.__subclasses__()}


def test_a_leaf_comes_back_from_what_an_event_stored() -> None:
    wrong = []
    for leaf in leaves():
        values: dict[str, errors.Param] = {name: f"<{name}>" for name in leaf.params}
        error = leaf(**values)
        again = from_key(error.message_key, error.values)
        if (type(again), dict(again.values), error.message_key) != (leaf, values, f"error.{leaf.key}"):
            wrong.append(leaf.__name__)
    assert not wrong, "\n".join(wrong)


def test_a_missing_or_extra_parameter_is_a_bug_at_once() -> None:
    with pytest.raises(TypeError):
        RunUnknown()
    with pytest.raises(TypeError):
        DiskFull(path="/tmp")


def test_an_unknown_key_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        from_key("error.nothing_of_ours", {})
