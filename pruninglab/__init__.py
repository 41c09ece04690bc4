"""Interactive notebooks on neural-network pruning: five papers, five choices, one loop."""
