"""The experiments of losslearn: the paper's tables, peers, data sets and studies."""
