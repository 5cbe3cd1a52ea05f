"""All words for people: one JSON file per language and the ways in which numbers are written. No gradio here."""
