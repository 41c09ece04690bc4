"""Marks for submitted notebooks: `make grade FILES='submissions/*.ipynb' OUT=marks.csv`.

The checkers run here, with the original notebooks. A student's code runs in a process of its own,
one for each exercise; all that it can send is what its functions return.
"""
