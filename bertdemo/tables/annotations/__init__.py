"""What people mark in texts, in the notations of their tools: tags of words, spans of characters, answers."""
