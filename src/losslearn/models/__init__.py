"""The upper level: the models that are trained (section 4.1)."""
