"""The Tokenization tab: a text as BERT reads it."""
