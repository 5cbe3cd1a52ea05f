"""A run in several processes: torchrun starts them, each trains on its part of every batch, and rank 0 alone reports.

`agent` is torchrun with the lock of the run around it, `process` is one of the processes that it starts, `place` is
what a Job does differently there, and `trainer` shares batches so that the loss is that of one process.
"""
