"""What happens inside BERT, step by step, as numbers: text -> tokens -> layers."""
