"""What a student touches: figures, explorers and exercises."""
