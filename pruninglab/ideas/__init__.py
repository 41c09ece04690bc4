"""What the five papers define: tensors in, tensors out."""
