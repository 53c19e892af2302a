"""The same model in other programs, as their users would write it: one file a program."""
