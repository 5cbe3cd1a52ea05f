"""Several runs of one question: seeds, layers, checkpoints, or a search for hyper-parameters.

A study is a folder, as a run is; its runs are ordinary runs. `advance` is what happens next to a study, `driver` the
thread that calls it.
"""
