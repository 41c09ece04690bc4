"""Each paper's own settings as one resumable command: `python -m pruninglab.papers.<name>`."""
