"""`python -m pruninglab.classroom.site [folder]`: build the site from the saved notebooks."""

from __future__ import annotations

import sys
from pathlib import Path

from .build import ROOT, build

if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "site"
    print(f"open {build(folder) / 'index.html'}")
