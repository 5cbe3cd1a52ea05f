"""The training process: `python -m bertdemo.runs.worker RUN_FOLDER`, or `--spare READY_FILE` to wait for one.

`__main__` is the process (lock, signals, the one broad except), `job` is what it does with a run folder, and
`training` is transformers.Trainer with a known order of rows, two learning rates, and events instead of prints.
"""
