"""The five choices of a pruning run, one file each."""
