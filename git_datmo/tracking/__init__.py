"""Following a program from inside it: points, config and results of the run that it is.

Nothing here needs git while the program runs inside a task: the folder that `DATMO_TASK_DIR`
names is all. What goes wrong is kept and said once, in the program's log, and never raised into
a training loop.
"""
