"""What a reader sees of an evaluation."""
