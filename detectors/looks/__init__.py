"""One look each at a window: what it measures, held against the reference. None writes or pages."""
