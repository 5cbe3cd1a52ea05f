"""The look: one palette, Gradio's theme made from it, and the style sheets (`assets/*.css`).

Every color is a custom property `--bd-*` with a light and a dark value; Gradio's own variables refer to them,
so each color is defined once.
"""

from __future__ import annotations

from importlib.resources import files

import gradio as gr
from gradio.themes.utils import fonts, sizes

# Name -> (light, dark). `cool` and `warm` are blue and orange as numbers, for colors with an alpha.
PALETTE: dict[str, tuple[str, str]] = {
    "paper": ("#faf8f4", "#171614"),
    "card": ("#fffdf9", "#1f1d1a"),
    "ink": ("#1c1b1a", "#ede9e2"),
    "soft": ("#5f5a53", "#a8a198"),
    "rule": ("#e4ded4", "#37332d"),
    "accent": ("#b93c13", "#ff9466"),
    "accent-strong": ("#9c310e", "#ffab85"),
    "on-accent": ("#fffdf9", "#241107"),
    "blue": ("#0b5394", "#7db7ee"),
    "orange": ("#b45f06", "#f0a95b"),
    "green": ("#1b7340", "#74c796"),
    "violet": ("#7a3e9d", "#cf9bea"),
    "warn": ("#8a5a00", "#f2c879"),
    "warn-paper": ("#fdf1d6", "#3a2f16"),
    "cool": ("11, 83, 148", "125, 183, 238"),
    "warm": ("180, 95, 6", "240, 169, 91"),
}

# Fonts that macOS, Windows and Linux have for Chinese, which IBM Plex Sans lacks.
_CHINESE = ("PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC")

# Variable of Gradio -> name in the palette, the same in both themes.
_FILLS = {
    "body_background_fill": "paper",
    "body_text_color": "ink",
    "body_text_color_subdued": "soft",
    "background_fill_primary": "card",
    "background_fill_secondary": "paper",
    "block_background_fill": "card",
    "block_border_color": "rule",
    "block_info_text_color": "soft",
    "block_label_background_fill": "card",
    "block_label_border_color": "rule",
    "block_label_text_color": "soft",
    "block_title_text_color": "soft",
    "border_color_accent": "accent",
    "border_color_primary": "rule",
    "panel_background_fill": "card",
    "panel_border_color": "rule",
    "accordion_text_color": "ink",
    "table_text_color": "ink",
    "table_border_color": "rule",
    "table_even_background_fill": "card",
    "table_odd_background_fill": "card",
    "link_text_color": "blue",
    "link_text_color_hover": "blue",
    "link_text_color_active": "blue",
    "link_text_color_visited": "blue",
    "input_background_fill": "card",
    "input_background_fill_focus": "card",
    "input_border_color": "rule",
    "input_border_color_focus": "soft",
    "input_placeholder_color": "soft",
    "checkbox_background_color": "card",
    "checkbox_background_color_selected": "accent",
    "checkbox_border_color": "soft",
    "checkbox_border_color_selected": "accent",
    "checkbox_border_color_focus": "accent",
    "checkbox_label_background_fill": "card",
    "checkbox_label_background_fill_hover": "card",
    "checkbox_label_background_fill_selected": "card",
    "checkbox_label_border_color": "rule",
    "checkbox_label_border_color_selected": "accent",
    "checkbox_label_text_color": "ink",
    "checkbox_label_text_color_selected": "ink",
    "slider_color": "accent",
    "loader_color": "accent",
    "stat_background_fill": "blue",
    "code_background_fill": "paper",
    "error_background_fill": "card",
    "error_border_color": "accent",
    "error_text_color": "accent",
    "error_icon_color": "accent",
    "button_primary_background_fill": "accent",
    "button_primary_background_fill_hover": "accent-strong",
    "button_primary_border_color": "accent",
    "button_primary_border_color_hover": "accent-strong",
    "button_primary_text_color": "on-accent",
    "button_primary_text_color_hover": "on-accent",
    "button_secondary_background_fill": "card",
    "button_secondary_background_fill_hover": "paper",
    "button_secondary_border_color": "rule",
    "button_secondary_border_color_hover": "soft",
    "button_secondary_text_color": "ink",
    "button_secondary_text_color_hover": "ink",
    "button_cancel_background_fill": "card",
    "button_cancel_background_fill_hover": "paper",
    "button_cancel_border_color": "accent",
    "button_cancel_border_color_hover": "accent",
    "button_cancel_text_color": "accent",
    "button_cancel_text_color_hover": "accent",
}

# Variable of Gradio -> value: the type scale, corners of 6 px, no shadows and few borders.
_SHAPES = {
    "body_text_size": "15px",
    "prose_text_size": "15px",
    "block_title_text_size": "13px",
    "block_title_text_weight": "400",
    "block_label_text_size": "13px",
    "block_label_text_weight": "400",
    "block_info_text_size": "13px",
    "section_header_text_size": "17px",
    "block_radius": "6px",
    "container_radius": "6px",
    "input_radius": "6px",
    "table_radius": "6px",
    "button_large_radius": "6px",
    "button_medium_radius": "6px",
    "button_small_radius": "6px",
    "button_large_text_size": "15px",
    "button_large_text_weight": "600",
    "button_large_padding": "8px 18px",
    "button_medium_text_size": "15px",
    "button_medium_text_weight": "400",
    "button_medium_padding": "8px 18px",
    "button_small_text_size": "13px",
    "button_small_text_weight": "400",
    "button_small_padding": "4px 10px",
    "button_border_width": "1px",
    "input_text_size": "15px",
    "block_shadow": "none",
    "block_label_shadow": "none",
    "shadow_drop": "none",
    "shadow_drop_lg": "none",
    "shadow_inset": "none",
    "shadow_spread": "0px",
    "input_shadow": "none",
    "input_shadow_focus": "none",
    "checkbox_shadow": "none",
    "checkbox_label_shadow": "none",
    "button_primary_shadow": "none",
    "button_primary_shadow_hover": "none",
    "button_primary_shadow_active": "none",
    "button_secondary_shadow": "none",
    "button_secondary_shadow_hover": "none",
    "button_secondary_shadow_active": "none",
    "layout_gap": "16px",
    "form_gap_width": "16px",
    "block_padding": "0px",
    "block_border_width": "0px",
    "panel_border_width": "0px",
    "input_border_width": "1px",
    "input_padding": "8px 12px",
}


def theme() -> gr.themes.Base:
    """Return Gradio's theme in our palette, type and shapes."""
    weights = (400, 700)  # Gradio ships no Latin letters in other weights
    base = gr.themes.Base(
        spacing_size=sizes.spacing_md,
        radius_size=sizes.radius_md,
        text_size=sizes.text_md,
        font=[fonts.LocalFont("IBM Plex Sans", weights=weights), *_CHINESE, "sans-serif"],
        font_mono=[fonts.LocalFont("IBM Plex Mono", weights=weights), "ui-monospace", *_CHINESE, "monospace"],
    )
    # Where a variable has a dark value of its own, it gets the same one: the palette switches by itself.
    variables = {name: f"var(--bd-{color})" for name, color in _FILLS.items()} | _SHAPES
    dark = {f"{name}_dark": value for name, value in variables.items() if hasattr(base, f"{name}_dark")}
    return base.set(**variables, **dark)


def css() -> str:
    """Return the style sheet of the page; Gradio scopes every selector to its container."""
    return "".join(
        _asset(f"{name}.css") for name in ("page", "run", "fine_tune", "study", "inference", "inside", "runs")
    )


def frame() -> str:
    """Return the palette in both themes and the rules around the page, for a <style> in the head."""
    light = "".join(f"--bd-{name}:{pair[0]};" for name, pair in PALETTE.items())
    dark = "".join(f"--bd-{name}:{pair[1]};" for name, pair in PALETTE.items())
    return f":root{{{light}}}\n.dark{{{dark}}}\n{_asset('frame.css')}"


def _asset(name: str) -> str:
    return files("bertdemo.ui").joinpath("assets", name).read_text(encoding="utf-8")
