"""Drawing primitives shared by the tabs: dataclasses in, HTML out. No gradio here."""
