"""What a baseline teaches: what windows are held against."""
