"""The scikit-learn faces of the method."""
