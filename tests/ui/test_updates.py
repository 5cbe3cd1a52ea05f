"""What listeners answer is keyed by component: joined where two touch one component, never shifted by position."""

from __future__ import annotations

import gradio as gr
import pytest

from bertdemo.ui.updates import keyed, merged


def test_a_label_and_a_value_of_one_component_both_hold() -> None:
    box, other = gr.Textbox(), gr.Textbox()
    joined = merged({box: gr.update(label="Text"), other: "kept"}, {box: "typed"})
    assert (joined[box]["label"], joined[box]["value"], joined[other]) == ("Text", "typed", "kept")
    assert merged({box: "first"}, {box: "second"}) == {box: "second"}


def test_a_listener_that_gives_too_many_values_for_its_outputs_is_a_bug() -> None:
    boxes = [gr.HTML(""), gr.HTML("")]
    assert keyed(lambda: ("a", "b"), boxes)() == {boxes[0]: "a", boxes[1]: "b"}
    assert keyed(lambda: "a", boxes[:1])() == {boxes[0]: "a"}
    with pytest.raises(ValueError):
        keyed(lambda: ("one", "too", "many"), boxes)()
