"""All text for people: one JSON file per language, and number formats. No gradio here."""
