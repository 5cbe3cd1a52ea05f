"""What keeps the disk of a server usable: room for the next run, files that go with their run, and old ones swept."""
