"""What the Fine-tune tab draws: values in, HTML out; no gradio."""
