"""Each defence taken out, one line at a time: a test of the attack it stops must then fail.

``python -m tests.mutants`` applies every row of :mod:`tests.mutants.table` in a copy of the tree and runs its test
there. A mutant that survives means that a defence could be lost without anybody noticing.
"""
