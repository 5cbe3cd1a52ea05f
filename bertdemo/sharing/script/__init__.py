"""A run as one plain Python script on transformers and torch, which repeats it and needs nothing of this project.

`run` reads the run folder, `task_code` has what differs by task, `encoding`, `blocks` and `probe` have the code that
the script is made of, `writer` puts it together, `rows` writes the data files, `bundle` the zip.
"""
