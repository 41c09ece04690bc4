"""Masks, the training loop, the pruning loop and the named recipes."""
