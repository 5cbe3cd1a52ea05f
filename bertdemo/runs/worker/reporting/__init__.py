"""What a worker writes for people: its events, which a full disk holds up but never loses, and its log."""
