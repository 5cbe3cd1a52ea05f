"""`make gpu`: everything of the app that a GPU changes, run on the machine that it finds, in at most eight minutes.

The machine may have no network and lack half of our packages: what it lacks comes from `make gpu-pack`. Each check is
a process of its own, so that one that fails, hangs or is killed costs its own rows only. Without a GPU, what needs one
is skipped by name and the rest runs on the CPU with smaller sizes. The report is gpu-report.md and gpu-report.json.

    packages       what is there, what comes from the pack, what is missing
    bench          the machine, the sizes, the models and the worker processes that the checks share
    checks         the list of the checks
    device_checks  the devices as device.py sees them
    worker_checks  a run from its folder to its end, stopped, out of memory; one run of each task
    resume_check   a run that is killed and goes on
    speed          matrix product, training, prediction, torch.compile
    answers        the same labels as on the CPU
    report         the rows, as Markdown and JSON
"""
