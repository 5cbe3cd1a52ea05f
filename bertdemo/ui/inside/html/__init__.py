"""The pictures of Inside BERT: traces in, HTML out. No gradio here."""
