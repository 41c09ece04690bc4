// Put around the files by script.py.
declare function pruninglabEngine(): any;
