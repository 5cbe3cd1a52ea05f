"""bertdemo: get a pretrained BERT, look inside it, fine-tune it and use it, in a browser."""

__version__ = "0.1.0"
