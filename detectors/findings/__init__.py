"""From figures to findings: what people should hear of, and in which words."""
