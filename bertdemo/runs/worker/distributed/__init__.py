"""A run in several processes: torchrun starts them, each trains on its part of every batch, and rank 0 alone reports.

`agent` is torchrun with the lock of the run around it, `rank_main` is one of the processes that it starts,
`distributed_process` is what a Job does differently there, and `trainer` shares batches so that the loss is that of one
process.
"""
