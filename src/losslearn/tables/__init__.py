"""A table in, a model out: reading, the main job, and models in files."""
