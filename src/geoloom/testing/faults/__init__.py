"""What becomes of products when the machine fails: kills, signals, a full disk, two runs at once.

`python -m geoloom.testing.faults --help` runs the trials of a small piece of work and prints a line for each
kind: how many there were, and how many ended as they should. The same command, given again after the failure,
must leave what it leaves without one: every file the same but for times, and no file more.

    jobs        the pieces of work: a verb of the command line, or an index of scenes, on a small scene
    children    one run of a job in a forked process, which may be trapped: killed, signalled, traced
    operations  counts the operations on files, and kills at the n-th
    trees       two folders compared, file by file
    harness     the trials
"""
