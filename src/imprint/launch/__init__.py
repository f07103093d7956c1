"""Run independent tasks: in processes of this machine, on Ray, or on SLURM.

``task`` says what a task is; ``launcher`` holds the one call of all users, ``run_tasks``;
``ledger`` keeps in the study how far each task is. ``local``, ``ray_cluster`` and ``slurm`` are the
launchers, of which the last two share ``driving`` (in the command) and ``worker`` (in the task).
"""
