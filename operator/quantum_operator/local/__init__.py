"""The laptop shell: the same loop over a folder and subprocesses."""
