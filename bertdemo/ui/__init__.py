"""The page: tabs, words and drawings. The only package that imports gradio."""
