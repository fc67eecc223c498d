"""The same arithmetic, faster: compiled kernels and CUDA graphs."""
